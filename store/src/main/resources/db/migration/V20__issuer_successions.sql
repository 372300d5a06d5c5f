-- Which issuer signs in the place of one that an operator has replaced. A row without retired_at: the
-- replaced one still has OCSP answers and CRLs made. An issuer without a row signs for itself.
create table issuer_successions (
  issuer varchar(63) not null,
  successor varchar(63) not null,
  replaced_at timestamp with time zone not null,
  retired_at timestamp with time zone,
  constraint issuer_successions_pk primary key (issuer),
  constraint issuer_successions_issuer_fk foreign key (issuer) references issuers (name),
  constraint issuer_successions_successor_fk foreign key (successor) references issuers (name),
  constraint issuer_successions_other_ck check (issuer <> successor)
);
