-- Why: months past their retention leave the log, and whoever asks for an id of theirs must be told that nobody knows.

-- At most one row: an id from before `until` may have been stored, and is not in the log any more.
create table log_horizon (
  is_only boolean primary key default true check (is_only),
  until timestamptz not null
);
comment on table log_horizon is 'Written in the transaction that takes a month out of the log; it only grows.';
