-- When users were last there, apart from users because it changes with every connection and concerns nobody's profile.

create table last_seen (
  user_id uuid primary key references users (id) on delete cascade,
  at timestamptz not null
);
comment on table last_seen is 'The end of the last time that a user was visibly there. No row: not since this is kept.';
