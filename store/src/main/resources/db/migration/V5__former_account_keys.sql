-- What a record of dns-persist-01 was made with stays good when its account changes its key
-- (draft-ietf-acme-dns-persist-02 section 4.2), so the thumbprints of former keys are kept.
create table acme_former_keys (
  account_id uuid not null,
  key_thumbprint bytea not null,
  replaced_at timestamp with time zone not null,
  constraint acme_former_keys_pk primary key (account_id, key_thumbprint),
  constraint acme_former_keys_account_fk
    foreign key (account_id) references acme_accounts (id)
);
