-- How far each change from one root to another has come (docs/root-rotation.md). The certificates are
-- those that clients are given; in_progress is 1 or null, so that there is only one at a time.
create table root_rollovers (
  id uuid not null,
  old_root varchar(63) not null,
  new_root varchar(63) not null,
  old_certificate bytea not null,
  new_certificate bytea not null,
  old_by_new bytea,
  new_by_old bytea,
  state varchar(12) not null,
  prepared_at timestamp with time zone not null,
  published_at timestamp with time zone,
  cross_signed_at timestamp with time zone,
  switched_at timestamp with time zone,
  retired_at timestamp with time zone,
  in_progress smallint,
  constraint root_rollovers_pk primary key (id),
  constraint root_rollovers_old_fk foreign key (old_root) references issuers (name),
  constraint root_rollovers_new_fk foreign key (new_root) references issuers (name),
  constraint root_rollovers_other_ck check (old_root <> new_root),
  constraint root_rollovers_state_ck
    check (state in ('prepared', 'published', 'cross-signed', 'switched', 'retired')),
  constraint root_rollovers_crossed_ck check (
    state not in ('cross-signed', 'switched', 'retired')
      or (old_by_new is not null and new_by_old is not null)),
  constraint root_rollovers_progress_ck check (in_progress is null or in_progress = 1),
  constraint root_rollovers_progress_uq unique (in_progress)
);
