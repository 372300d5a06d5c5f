-- Who may have what certificates over the Vault-shaped API (docs/cert-manager.md). Lists stand one
-- on a line. No default or longest lifetime: the profile's. No cluster: no service account may log in.
create table vault_roles (
  id uuid not null,
  name varchar(63) not null,
  issuer varchar(63) not null,
  profile varchar(63) not null,
  names varchar(30000) not null,
  denied_names varchar(30000) not null,
  wildcards boolean not null,
  standard_seconds bigint,
  longest_seconds bigint,
  authority boolean not null,
  path_length integer,
  cluster varchar(63),
  audience varchar(300),
  service_accounts varchar(30000) not null,
  certificate_names varchar(30000) not null,
  created_at timestamp with time zone not null,
  constraint vault_roles_pk primary key (id),
  constraint vault_roles_name_uq unique (name)
);

-- Secret ids of AppRole logins, and static tokens; of both only the digest of the secret is kept.
create table vault_credentials (
  id uuid not null,
  role_id uuid not null,
  kind varchar(20) not null,
  secret_sha256 bytea not null,
  label varchar(100) not null,
  networks varchar(10000) not null,
  uses_left integer,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  constraint vault_credentials_pk primary key (id),
  constraint vault_credentials_secret_uq unique (secret_sha256),
  constraint vault_credentials_role_fk foreign key (role_id) references vault_roles (id),
  constraint vault_credentials_uses_ck check (uses_left is null or uses_left >= 0)
);

create index vault_credentials_role_ix on vault_credentials (role_id);
create index vault_credentials_expires_ix on vault_credentials (expires_at);

-- Tokens that were given up before their end; a row is of no use after it.
create table vault_revoked_tokens (
  id uuid not null,
  expires_at timestamp with time zone not null,
  constraint vault_revoked_tokens_pk primary key (id)
);

create index vault_revoked_tokens_expires_ix on vault_revoked_tokens (expires_at);

-- Which issuance a request to sign stands for, so that its repetition has the same certificate.
create table vault_signings (
  digest bytea not null,
  request_id uuid not null,
  made_at timestamp with time zone not null,
  constraint vault_signings_pk primary key (digest)
);

create index vault_signings_made_ix on vault_signings (made_at);

-- The fingerprint of the secret that tokens are signed with, the same on every node.
create table vault_shared_keys (
  name varchar(63) not null,
  octets bytea not null,
  constraint vault_shared_keys_pk primary key (name)
);
