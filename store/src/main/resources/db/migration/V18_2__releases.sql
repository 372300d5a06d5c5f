-- Certificates that were taken from their hold, until no CRL from before it counts: delta CRLs say so.
create table releases (
  issuer varchar(63) not null,
  crl_shard integer not null,
  serial bytea not null,
  released_at timestamp with time zone not null,
  constraint releases_pk primary key (issuer, crl_shard, serial)
);
