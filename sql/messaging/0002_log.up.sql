-- Why: one insert-only log holds everything that was acked; what changes lives in side tables beside it.

-- Times travel as Unix milliseconds. Both ways are exact: no floating-point seconds in between.
create function nubo_time(p_ms bigint) returns timestamptz
  language sql immutable strict parallel safe
  as $$ select timestamptz 'epoch' + p_ms * interval '1 millisecond' $$;

create function nubo_ms(p_at timestamptz) returns bigint
  language sql immutable strict parallel safe
  as $$ select (extract(epoch from p_at) * 1000)::bigint $$;

-- Who may write. Every batch moves `batch` from n - 1 to n under its owner's epoch (SPEC L1); `flushed` is the
-- last batch whose heads and marks are in the side tables. The row is updated by every commit: the low fillfactor
-- leaves room for versions on the same page.
create table writers (
  shard integer primary key check (shard between 0 and 8191),
  epoch bigint not null default 0,
  batch bigint not null default 0,
  -- Of the process that took the shard: it can tell whether somebody else has, since.
  owner uuid,
  backend_pid integer,
  flushed bigint not null default 0
) with (fillfactor = 10);

-- Which shard numbers a placement uses. Numbers are never used again by a later placement.
create table placements (
  generation bigint generated always as identity primary key,
  shards integer[] not null check (cardinality(shards) > 0),
  created_at timestamptz not null default now()
);

-- `number` counts the messages up to and including the row. `batch` is shard × 2^40 + the shard's batch number.
-- `kind` is the code of the event on the wire. Columns are ordered so that no padding lies between them.
create table conversation_log (
  id uuid not null,
  conversation uuid not null,
  actor uuid not null,
  seq bigint not null check (seq > 0),
  number bigint not null check (number >= 0),
  batch bigint not null,
  at timestamptz not null,
  kind smallint not null,
  target uuid,
  body text,
  details jsonb,
  primary key (id)
) partition by range (id);

-- Postgres refuses a unique (conversation, seq) on the parent, whose partitions are by id: each leaf has its own.
create table conversation_log_default partition of conversation_log default;
create unique index conversation_log_default_seq on conversation_log_default (conversation, seq);
create index conversation_log_default_batch on conversation_log_default using brin (batch int8_minmax_multi_ops);

-- The smallest id of a moment: a UUIDv7 begins with 48 bits of Unix milliseconds.
create function nubo_id_bound(p_at timestamptz) returns uuid
  language sql immutable strict parallel safe
  as $$ select (lpad(to_hex(nubo_ms(p_at)), 12, '0') || repeat('0', 20))::uuid $$;

-- Makes the leaf of the (UTC) month that holds `p_month`; false when it was there. Rows of that month that had
-- landed in the default partition move with it, in the same transaction (SPEC L15).
create function nubo_partition_ensure(p_month date) returns boolean
  language plpgsql
  as $$
declare
  v_from timestamp := date_trunc('month', p_month::timestamp);
  v_low uuid := nubo_id_bound(v_from at time zone 'UTC');
  v_high uuid := nubo_id_bound((v_from + interval '1 month') at time zone 'UTC');
  v_leaf text := 'conversation_log_' || to_char(v_from, 'YYYY_MM');
begin
  if to_regclass(v_leaf) is not null then
    return false;
  end if;
  perform pg_advisory_xact_lock(hashtext('nubo_partition_ensure'));
  if to_regclass(v_leaf) is not null then
    return false;
  end if;
  execute format('create table %I (like conversation_log including defaults including constraints)', v_leaf);
  -- Attaching needs this lock anyway; taken here, nothing can land in the default between the move and the attach.
  lock table conversation_log_default in access exclusive mode;
  perform nubo_partition_move(v_leaf, v_low, v_high);
  execute format('alter table %I add constraint %I primary key (id)', v_leaf, v_leaf || '_pkey');
  execute format('create unique index %I on %I (conversation, seq)', v_leaf || '_seq', v_leaf);
  execute format('create index %I on %I using brin (batch int8_minmax_multi_ops)', v_leaf || '_batch', v_leaf);
  execute format('alter table conversation_log attach partition %I for values from (%L) to (%L)', v_leaf, v_low, v_high);
  return true;
end
$$;

-- Moves the rows low <= id < high out of the default partition into a table of the same shape; how many.
create function nubo_partition_move(p_leaf text, p_low uuid, p_high uuid) returns bigint
  language plpgsql
  as $$
declare
  v_moved bigint;
begin
  execute format(
    'with moved as (delete from conversation_log_default where id >= %L and id < %L returning *)
     insert into %I select * from moved', p_low, p_high, p_leaf);
  get diagnostics v_moved = row_count;
  return v_moved;
end
$$;

-- The months that ids of now can fall into, with room on both sides.
create function nubo_partitions_ahead() returns integer
  language sql
  as $$
  select count(*) filter (where nubo_partition_ensure(month::date))::integer
  from generate_series(
    date_trunc('month', now() at time zone 'UTC') - interval '1 month',
    date_trunc('month', now() at time zone 'UTC') + interval '2 months',
    interval '1 month') as month
$$;

select nubo_partitions_ahead();

-- The fence (SPEC L1). NB001: another owner has raised the epoch. NB002: our own count is wrong, which is a bug.
create function nubo_claim(p_shard integer, p_epoch bigint, p_batch bigint) returns void
  language plpgsql
  as $$
declare
  v_writer writers;
begin
  update writers set batch = p_batch, backend_pid = pg_backend_pid()
  where shard = p_shard and epoch = p_epoch and batch = p_batch - 1;
  if not found then
    select * into v_writer from writers where shard = p_shard;
    if v_writer.epoch is distinct from p_epoch then
      raise exception using errcode = 'NB001',
        message = format('shard %s is at epoch %s, not %s', p_shard, v_writer.epoch, p_epoch);
    end if;
    raise exception using errcode = 'NB002',
      message = format('shard %s is at batch %s: %s cannot follow', p_shard, v_writer.batch, p_batch);
  end if;
end
$$;

-- No foreign keys here: the log is the truth, and who may be named was asked before the batch was made.
create table conversations (
  id uuid primary key,
  type text not null check (type in ('direct', 'group', 'channel')),
  title text,
  description text,
  avatar_url text,
  creator uuid not null,
  state text not null default 'active',
  created_at timestamptz not null
);
create index conversations_channel_title on conversations (title) where type = 'channel';

-- `mark` is the number up to which the member has read; it only grows (SPEC L14).
create table conversation_members (
  conversation uuid not null,
  user_id uuid not null,
  role text not null check (role in ('owner', 'admin', 'moderator', 'member')),
  joined_seq bigint not null,
  joined_at timestamptz not null,
  left_at timestamptz,
  mark bigint not null default 0,
  primary key (conversation, user_id)
) with (fillfactor = 80);
create index conversation_members_user on conversation_members (user_id);

-- Where each conversation stands, written off the ack path: it may be a second behind the log, never ahead.
create table conversation_heads (
  conversation uuid primary key,
  shard integer not null,
  last_batch bigint not null,
  seq bigint not null,
  number bigint not null,
  preview text,
  last_at timestamptz not null
) with (fillfactor = 50);

-- The messages, in the shape other programs expect.
create view messages as
  select
    id,
    conversation as conversation_id,
    actor as sender_id,
    coalesce(details ->> 'type', 'text') as type,
    body as content,
    details -> 'metadata' as metadata,
    (details ->> 'replyTo')::uuid as reply_to_id,
    false as is_edited,
    false as is_deleted,
    at as created_at
  from conversation_log
  where kind = 40;

-- What a batch does to conversations and members, after its rows are in the log and in the same transaction.
-- {"conversations": [{conv, type, title, description, creator, createdAt}],
--  "members": [{conv, user, role, seq, number, at, present}]}, at most one entry a member: what is true afterwards.
-- A newcomer's mark starts at the head, so that nothing from before they came is unread.
create function nubo_apply(p_effects jsonb) returns void
  language sql
  as $$
  insert into conversations (id, type, title, description, creator, created_at)
  select conv, type, title, description, creator, nubo_time("createdAt")
  from jsonb_to_recordset(p_effects -> 'conversations')
    as c (conv uuid, type text, title text, description text, creator uuid, "createdAt" bigint)
  order by conv
  on conflict (id) do nothing;

  insert into conversation_members as m (conversation, user_id, role, joined_seq, joined_at, left_at, mark)
  select conv, "user", role, seq, nubo_time(at), case when present then null else nubo_time(at) end, number
  from jsonb_to_recordset(p_effects -> 'members')
    as e (conv uuid, "user" uuid, role text, seq bigint, number bigint, at bigint, present boolean)
  order by conv, "user"
  on conflict (conversation, user_id) do update set
    left_at = excluded.left_at,
    role = case when excluded.left_at is null then excluded.role else m.role end,
    joined_seq = case when excluded.left_at is null then excluded.joined_seq else m.joined_seq end,
    joined_at = case when excluded.left_at is null then excluded.joined_at else m.joined_at end,
    mark = case when excluded.left_at is null then greatest(m.mark, excluded.mark) else m.mark end
$$;

-- One row of the log as nubo reads it: an array, since the names would be most of the bytes.
create function nubo_row(p_row conversation_log) returns json
  language sql stable
  as $$
  select json_build_array(p_row.id, p_row.conversation, p_row.actor, p_row.seq, p_row.number, nubo_ms(p_row.at),
    p_row.kind, p_row.target, p_row.body, p_row.details)
$$;

-- Everything an activating conversation needs, of many at once. One statement: one snapshot. The head is the log's.
create function nubo_load(p_conversations uuid[], p_recent integer)
  returns table (conversation uuid, info json, members json, recent json)
  language sql stable
  as $$
  select
    w.id,
    (select json_build_object('type', type, 'title', title, 'description', description, 'creator', creator,
        'createdAt', nubo_ms(created_at))
      from conversations where id = w.id),
    (select json_agg(json_build_array(user_id, role, mark) order by joined_seq, user_id)
      from conversation_members m where m.conversation = w.id and m.left_at is null),
    (select json_agg(nubo_row(newest) order by newest.seq) from (
      select l.* from conversation_log l where l.conversation = w.id order by l.seq desc limit p_recent
    ) as newest)
  from unnest(p_conversations) as w (id)
$$;

-- Heads and marks only grow (SPEC L14). Rows are locked in one order, so that flush and batch cannot deadlock. Marks
-- go one by one: as a join the planner takes what comes from JSON for a hundred rows and may read the members once
-- for each.
create function nubo_flush(p_shard integer, p_batch bigint, p_heads jsonb, p_marks jsonb) returns void
  language plpgsql
  set enable_seqscan = off
  as $$
declare
  v_mark record;
begin
  insert into conversation_heads as h (conversation, shard, last_batch, seq, number, preview, last_at)
  select conv, p_shard, (p_shard::bigint << 40) + p_batch, seq, number, preview, nubo_time(at)
  from jsonb_to_recordset(p_heads) as x (conv uuid, seq bigint, number bigint, at bigint, preview text)
  order by conv
  on conflict (conversation) do update set
    shard = excluded.shard,
    last_batch = excluded.last_batch,
    seq = excluded.seq,
    number = excluded.number,
    preview = case when excluded.preview = '' then h.preview else excluded.preview end,
    last_at = excluded.last_at
  where excluded.seq > h.seq;

  for v_mark in
    select conv, "user", mark from jsonb_to_recordset(p_marks) as x (conv uuid, "user" uuid, mark bigint)
    order by conv, "user"
  loop
    update conversation_members m set mark = v_mark.mark
    where m.conversation = v_mark.conv and m.user_id = v_mark."user" and m.mark < v_mark.mark;
  end loop;
end
$$;

-- After a crash: heads and senders' marks again from the rows of the batches that were not flushed, of one shard or of
-- all; how many batches.
create function nubo_repair_progress(p_shard int default null) returns bigint
  language plpgsql
  as $$
declare
  v_writer writers;
  v_low bigint;
  v_high bigint;
  v_batches bigint := 0;
begin
  for v_writer in
    select * from writers where batch > flushed and (p_shard is null or shard = p_shard) order by shard
  loop
    v_low := (v_writer.shard::bigint << 40) + v_writer.flushed;
    v_high := (v_writer.shard::bigint << 40) + v_writer.batch;
    v_batches := v_batches + v_writer.batch - v_writer.flushed;

    insert into conversation_heads as h (conversation, shard, last_batch, seq, number, preview, last_at)
    select s.conversation, v_writer.shard, s.batch, s.seq, s.number, m.preview, s.at
    from (
      select distinct on (conversation) conversation, batch, seq, number, at
      from conversation_log where batch > v_low and batch <= v_high
      order by conversation, seq desc
    ) as s
    left join (
      select distinct on (conversation) conversation,
        case when body = '' then '[' || coalesce(details ->> 'type', 'text') || ']' else left(body, 140) end as preview
      from conversation_log where batch > v_low and batch <= v_high and kind = 40
      order by conversation, seq desc
    ) as m on m.conversation = s.conversation
    order by s.conversation
    on conflict (conversation) do update set
      shard = excluded.shard,
      last_batch = excluded.last_batch,
      seq = excluded.seq,
      number = excluded.number,
      preview = coalesce(excluded.preview, h.preview),
      last_at = excluded.last_at
    where excluded.seq > h.seq;

    update conversation_members m set mark = x.number
    from (
      select conversation, actor, max(number) as number
      from conversation_log where batch > v_low and batch <= v_high and kind = 40
      group by conversation, actor
    ) as x
    where m.conversation = x.conversation and m.user_id = x.actor and m.mark < x.number;

    update writers set flushed = greatest(flushed, v_writer.batch) where shard = v_writer.shard;
  end loop;
  return v_batches;
end
$$;
