-- A CSR is kept only while its order is processing. Afterwards its digest tells whether a finalize
-- is the same one repeated.
alter table acme_orders add column csr_sha256 bytea;

-- The URL of the terms of service that the account agreed to: its endpoint may have others by now.
alter table acme_accounts add column terms_agreed varchar(2000);

-- When the client chose the challenge: the time in which it is settled counts from there.
alter table acme_challenges add column accepted_at timestamp with time zone;
update acme_challenges set accepted_at = lease_until where status = 'processing';
