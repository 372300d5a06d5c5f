-- The entries of a CRL among all revocations that there ever were: when most of them are of expired
-- certificates, these few are found by this and sorted, and else by revocations_shard_ix. In the
-- place of one that knew of no shards, so that a revocation costs no more. H2 would take it always.
create index revocations_live_ix on revocations (issuer, crl_shard, not_after);
drop index revocations_not_after_ix;
