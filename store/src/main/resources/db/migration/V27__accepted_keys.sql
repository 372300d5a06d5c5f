-- The key by which the client answers a challenge is the account's when it chose the challenge, not
-- that of when a node finds a place for it. Nothing for challenges that were chosen before this.
alter table acme_challenges add column key_thumbprint bytea;
