-- RFC 8555 section 7.3.4. The MAC key is encrypted under a key that is not in the database; patterns
-- and profiles stand one on a line. No most_uses: any number of accounts; no expires_at: no end.
create table acme_binding_keys (
  id uuid not null,
  endpoint varchar(63) not null,
  label varchar(100) not null,
  mac_key bytea not null,
  preauthorized varchar(30000) not null,
  names varchar(30000) not null,
  profiles varchar(10000) not null,
  most_uses integer,
  uses integer not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint acme_binding_keys_pk primary key (id),
  constraint acme_binding_keys_uses_ck
    check (uses >= 0 and (most_uses is null or uses <= most_uses))
);

-- The binding as the account object shows it, and the key that it was made with.
alter table acme_accounts add column binding_key_id uuid;
alter table acme_accounts add column external_account_binding varchar(30000);
alter table acme_accounts add constraint acme_accounts_binding_key_fk
  foreign key (binding_key_id) references acme_binding_keys (id);
