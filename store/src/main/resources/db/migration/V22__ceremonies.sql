-- The ceremonies of offline roots whose results were taken in (docs/ceremony.md): one for each plan.
create table ceremonies (
  plan_sha256 varchar(64) not null,
  transcript_sha256 varchar(64) not null,
  taken_at timestamp with time zone not null,
  constraint ceremonies_pk primary key (plan_sha256)
);
