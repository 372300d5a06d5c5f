-- Pruning (dev.chancery.acme.Pruning) finds what has ended by these times, whatever else is there.

-- When an order ends: with its expiry or, once it is valid, with its certificate.
alter table acme_orders add column ends_at timestamp with time zone;
update acme_orders set ends_at = coalesce(
  (select c.not_after from certificates c
    where c.serial = acme_orders.serial and c.issuer = acme_orders.issuer),
  expires_at);
alter table acme_orders alter column ends_at set not null;

create index acme_orders_ends_ix on acme_orders (status, ends_at);

-- When to see next whether an authorization is still needed: at its expiry, and then at the end of
-- the last order that names it.
alter table acme_authorizations add column review_at timestamp with time zone;
update acme_authorizations set review_at = expires_at;
alter table acme_authorizations alter column review_at set not null;

create index acme_authorizations_review_ix on acme_authorizations (review_at);
