-- Whose certificates log in under a role by their names; none: those of the issuer that the role
-- signs with, or of one that was or is in its place.
alter table vault_roles add column certificate_issuer varchar(63);
