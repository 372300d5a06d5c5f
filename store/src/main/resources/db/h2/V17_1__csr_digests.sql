-- Each database has its own name for the digest.
update acme_orders set csr_sha256 = hash('SHA-256', csr) where csr is not null;
update acme_orders set csr = null where status <> 'processing';
