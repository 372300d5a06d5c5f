-- All that an entry of a CRL needs, in the order of the list: without it, the rebuild of each shard
-- reads the pages of the whole table.
drop index revocations_shard_ix;
create index revocations_shard_ix on revocations (issuer, crl_shard, serial)
  include (not_after, revoked_at, reason, invalidity_date);

-- Only pages that a vacuum has seen are spared; the default is to wait for a fifth of the table.
alter table revocations set (autovacuum_vacuum_insert_scale_factor = 0.02);
