-- RFC 8555 objects. Ids are UUIDs of version 7: unguessable, and new rows go to the right edge.

-- Keys that every node shares and that were made once, by whichever node came first.
create table acme_shared_keys (
  name varchar(40) not null,
  octets bytea not null,
  constraint acme_shared_keys_pk primary key (name)
);

-- A nonce is written when it is spent; its primary key is what makes it work once.
create table acme_spent_nonces (
  expires_at timestamp with time zone not null,
  octets bytea not null,
  constraint acme_spent_nonces_pk primary key (expires_at, octets)
);

create table acme_accounts (
  id uuid not null,
  endpoint varchar(63) not null,
  public_key bytea not null,
  key_thumbprint bytea not null,
  status varchar(11) not null,
  contacts varchar(8000) not null,
  terms_agreed_at timestamp with time zone,
  created_at timestamp with time zone not null,
  constraint acme_accounts_pk primary key (id),
  constraint acme_accounts_key_uq unique (key_thumbprint, endpoint),
  constraint acme_accounts_status_ck check (status in ('valid', 'deactivated'))
);

create table acme_orders (
  id uuid not null,
  account_id uuid not null,
  status varchar(10) not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  not_before timestamp with time zone,
  not_after timestamp with time zone,
  csr bytea,
  processing_since timestamp with time zone,
  issuer varchar(63),
  serial bytea,
  problem varchar(8000),
  constraint acme_orders_pk primary key (id),
  constraint acme_orders_account_fk foreign key (account_id) references acme_accounts (id),
  constraint acme_orders_status_ck
    check (status in ('pending', 'ready', 'processing', 'valid', 'invalid')),
  constraint acme_orders_processing_ck
    check (status <> 'processing' or (csr is not null and processing_since is not null)),
  constraint acme_orders_valid_ck check (status <> 'valid' or serial is not null)
);

create index acme_orders_account_ix on acme_orders (account_id, id);
create index acme_orders_processing_ix on acme_orders (status, processing_since);
create index acme_orders_serial_ix on acme_orders (serial, issuer);

create table acme_authorizations (
  id uuid not null,
  account_id uuid not null,
  name_kind varchar(5) not null,
  name varchar(253) not null,
  status varchar(11) not null,
  expires_at timestamp with time zone not null,
  constraint acme_authorizations_pk primary key (id),
  constraint acme_authorizations_account_fk
    foreign key (account_id) references acme_accounts (id),
  constraint acme_authorizations_status_ck
    check (status in ('pending', 'valid', 'invalid', 'deactivated'))
);

create index acme_authorizations_name_ix on acme_authorizations (account_id, name, name_kind);

-- Position is the place of the name in the order.
create table acme_order_authorizations (
  order_id uuid not null,
  position integer not null,
  authorization_id uuid not null,
  constraint acme_order_authorizations_pk primary key (order_id, position),
  constraint acme_order_authorizations_order_fk
    foreign key (order_id) references acme_orders (id),
  constraint acme_order_authorizations_authorization_fk
    foreign key (authorization_id) references acme_authorizations (id)
);

create index acme_order_authorizations_authorization_ix
  on acme_order_authorizations (authorization_id);

-- The lease says until when the node that attempts a validation may be expected to go on with it.
create table acme_challenges (
  id uuid not null,
  authorization_id uuid not null,
  kind varchar(20) not null,
  token varchar(43) not null,
  status varchar(10) not null,
  lease_until timestamp with time zone,
  settled_at timestamp with time zone,
  problem varchar(8000),
  constraint acme_challenges_pk primary key (id),
  constraint acme_challenges_authorization_fk
    foreign key (authorization_id) references acme_authorizations (id),
  constraint acme_challenges_status_ck
    check (status in ('pending', 'processing', 'valid', 'invalid')),
  constraint acme_challenges_processing_ck
    check (status <> 'processing' or lease_until is not null)
);

create index acme_challenges_authorization_ix on acme_challenges (authorization_id);
create index acme_challenges_lease_ix on acme_challenges (status, lease_until);
