-- When the ledger took a revocation, by its own clock: a CRL made before cannot hold it. The time in
-- revoked_at is the requester's.
alter table revocations add column recorded_at timestamp with time zone;
update revocations set recorded_at = revoked_at;
alter table revocations alter column recorded_at set not null;

create index revocations_recorded_ix on revocations (issuer, recorded_at);
