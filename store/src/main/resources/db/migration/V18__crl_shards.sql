-- The shard of its issuer's CRLs that a certificate names in its distribution point, fixed when it
-- is issued; 0: it names none.
alter table certificates add column crl_shard integer default 0 not null;
alter table revocations add column crl_shard integer default 0 not null;

drop index revocations_recorded_ix;
create index revocations_recorded_ix on revocations (issuer, crl_shard, recorded_at);
create index revocations_shard_ix on revocations (issuer, crl_shard, serial);

-- Where certificates say that the CRL of a shard is: all URLs that any of them may name, for good.
create table crl_locations (
  issuer varchar(63) not null,
  shard integer not null,
  url varchar(1000) not null,
  added_at timestamp with time zone not null,
  constraint crl_locations_pk primary key (issuer, shard, url),
  constraint crl_locations_issuer_fk foreign key (issuer) references issuers (name)
);

alter table crls add column shard integer default 0 not null;
alter table crls add column delta boolean default false not null;
alter table crls add column base_number numeric(40);
alter table crls add column tbs_length bigint;
update crls set tbs_length = octet_length(tbs);
alter table crls alter column tbs_length set not null;
-- A complete CRL and the delta CRL that is made with it have the same number.
alter table crls drop constraint crls_pk;
alter table crls add constraint crls_pk primary key (issuer, number, delta);
alter table crls drop constraint crls_state_ck;
alter table crls add constraint crls_state_ck check (state in ('building', 'recorded', 'published'));

-- A CRL can be longer than a column holds, and than memory: its octets are here, in pieces.
create table crl_octets (
  issuer varchar(63) not null,
  number numeric(40) not null,
  delta boolean not null,
  piece integer not null,
  octets bytea not null,
  constraint crl_octets_pk primary key (issuer, number, delta, piece),
  constraint crl_octets_crl_fk foreign key (issuer, number, delta)
    references crls (issuer, number, delta) on delete cascade
);

insert into crl_octets (issuer, number, delta, piece, octets)
  select issuer, number, false, 0, tbs from crls;
alter table crls drop column tbs;
