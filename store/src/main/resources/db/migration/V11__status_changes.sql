-- In which order statuses changed, so that a node can learn what changed since it looked last. Every
-- change takes its number by an update of the one row of status_versions and keeps that row locked
-- until its commit: who reads a number finds all that have lower ones committed.
create table status_versions (
  id smallint not null,
  version bigint not null,
  constraint status_versions_pk primary key (id),
  constraint status_versions_one_ck check (id = 1)
);

insert into status_versions (id, version) values (1, 0);

-- No foreign key: the rows are forgotten soon, and nothing but their number is looked for.
create table status_changes (
  version bigint not null,
  issuer varchar(63) not null,
  serial bytea not null,
  recorded_at timestamp with time zone not null,
  constraint status_changes_pk primary key (version)
);

-- Revocations of many certificates at once, which any node can go on with.
create table bulk_revocations (
  id uuid not null,
  issuer varchar(63),
  profile varchar(63),
  account_id uuid,
  public_key_sha256 bytea,
  name varchar(253),
  recorded_from timestamp with time zone,
  recorded_until timestamp with time zone,
  reason smallint not null,
  revoked_at timestamp with time zone not null,
  invalidity_date timestamp with time zone,
  requested_by varchar(200) not null,
  made_at timestamp with time zone not null,
  counted bigint not null,
  revoked bigint not null,
  after_serial bytea,
  after_issuer varchar(63),
  ended_at timestamp with time zone,
  constraint bulk_revocations_pk primary key (id)
);
