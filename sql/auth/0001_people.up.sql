-- Who uses nubo: people who signed up, users an application vouches for, their sessions, and what was revoked.

create table users (
  id uuid primary key,
  -- Null for an application's users: they are known by external_id and never log in with a name.
  username text check (username ~ '^[A-Za-z0-9_.-]{3,32}$'),
  -- `sub` of an application's tokens: opaque, compared byte by byte, trailing spaces and all.
  external_id text unique check (octet_length(external_id) between 1 and 255),
  email text check (octet_length(email) <= 254),
  email_verified boolean not null default false,
  phone text unique,
  phone_verified boolean not null default false,
  -- argon2id in PHC form: it carries its own salt and costs.
  password_hash text,
  first_name text,
  last_name text,
  display_name text,
  birthdate date,
  sex smallint,
  bio text,
  profile_picture_id uuid,
  grade smallint not null default 1,
  location text,
  school text,
  works text,
  badges text[] not null default '{}',
  -- 0 deleted, 1 active, 2 banned. Only the active log in, refresh and are minted tokens.
  state smallint not null default 1 check (state in (0, 1, 2)),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table users is 'Everybody a message can come from, with or without a password of their own.';
-- Unique without regard to case, kept as they were typed.
create unique index users_username_key on users (lower(username));
create unique index users_email_key on users (lower(email));

create table user_settings (
  user_id uuid primary key references users (id) on delete cascade,
  privacy jsonb not null default '{}',
  notifications jsonb not null default '{}',
  language text,
  theme smallint not null default 0
);
comment on table user_settings is 'Choices of a user, apart from users because they change at another pace. No row means the defaults.';

create table sessions (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  device_info jsonb not null default '{}',
  -- The addresses it was used from, the latest last; the application keeps it short.
  ip inet[] not null default '{}',
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  expires_at timestamptz not null,
  revoked boolean not null default false
);
comment on table sessions is 'One log-in on one device: what its owner sees in a list and can end.';
create index sessions_user_id_revoked_idx on sessions (user_id, revoked);
create index sessions_expires_at_idx on sessions (expires_at);

create table refresh_tokens (
  -- sha-256: a copy of this table logs nobody in. The tokens are random, so a slow hash would gain nothing.
  hash bytea primary key,
  session uuid not null references sessions (id) on delete cascade,
  issued_at timestamptz not null,
  -- Set at the first use. A used token is kept until it expires, so that its second use can be told from a guess.
  used_at timestamptz,
  expires_at timestamptz not null
);
comment on table refresh_tokens is 'The family of refresh tokens of a session: all used but the last.';
create index refresh_tokens_session_idx on refresh_tokens (session);
create index refresh_tokens_expires_at_idx on refresh_tokens (expires_at);

create table revocations (
  subject text not null check (subject in ('session', 'user', 'jti')),
  value text not null,
  since timestamptz not null,
  until timestamptz not null,
  primary key (subject, value)
);
comment on table revocations is 'Access tokens are checked without the database; a server that starts reads here which of them were taken back.';
create index revocations_until_idx on revocations (until);
