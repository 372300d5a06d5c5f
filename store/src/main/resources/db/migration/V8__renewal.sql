-- Null: made before orders had a profile of their own; the endpoint's is theirs.
alter table acme_orders add column profile varchar(63);
-- The identifier (RFC 9773 section 4.1) of the certificate that the order is to replace.
alter table acme_orders add column replaces varchar(100);

-- Which order replaces a certificate. It has the claim for good once it is settled; before that,
-- only as long as it is neither invalid, expired nor gone. No foreign key: orders are forgotten
-- earlier than certificates.
create table acme_replacements (
  issuer varchar(63) not null,
  serial bytea not null,
  order_id uuid not null,
  settled boolean not null,
  expires_at timestamp with time zone not null,
  constraint acme_replacements_pk primary key (serial, issuer)
);

create index acme_replacements_expires_ix on acme_replacements (expires_at);
create index acme_replacements_order_ix on acme_replacements (order_id);

-- Certificates that are to be renewed early; a few rows, made by operators.
create table renewal_marks (
  id uuid not null,
  issuer varchar(63),
  profile varchar(63),
  recorded_from timestamp with time zone,
  recorded_until timestamp with time zone,
  made_at timestamp with time zone not null,
  starts_at timestamp with time zone not null,
  ends_at timestamp with time zone not null,
  certificates bigint not null,
  per_hour integer not null,
  reason varchar(500) not null,
  explanation_url varchar(1000),
  requested_by varchar(200) not null,
  cleared_at timestamp with time zone,
  constraint renewal_marks_pk primary key (id)
);

-- Keys that were revoked for keyCompromise. A table of its own, since they stay compromised when
-- their certificates are long forgotten, and an index over the random digests of all keys would
-- cost every issuance.
create table compromised_keys (
  public_key_sha256 bytea not null,
  recorded_at timestamp with time zone not null,
  constraint compromised_keys_pk primary key (public_key_sha256)
);

insert into compromised_keys (public_key_sha256, recorded_at)
  select c.public_key_sha256, min(r.recorded_at)
  from revocations r join certificates c on c.serial = r.serial and c.issuer = r.issuer
  where r.reason = 1
  group by c.public_key_sha256;
