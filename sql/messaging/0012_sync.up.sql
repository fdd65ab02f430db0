-- Why: one cursor tells a user what has changed in all their conversations, and mentions count as unread does, against
-- the mark, without a write for each member.

-- What cursors count by: the flushes of each shard. A flush moves the clock in the transaction that writes what it
-- brings, and the row's lock puts flushes one after another, also those of an owner that has lost the shard: whoever
-- sees a tick sees everything that bears it or an earlier one. Elsewhere a tick is shard × 2^40 + the shard's own count.
create table sync_clocks (
  shard integer primary key check (shard between 0 and 8191),
  tick bigint not null
) with (fillfactor = 10);
insert into sync_clocks (shard, tick) select shard, 0 from writers;

create function nubo_tick(p_shard integer) returns bigint
  language sql
  as $$
  insert into sync_clocks as c (shard, tick) values (p_shard, 1)
  on conflict (shard) do update set tick = c.tick + 1
  returning (p_shard::bigint << 40) + tick
$$;

-- When the head moved last. Who was away for a short while finds what changed by it.
alter table conversation_heads add column tick bigint not null default 0;
create index conversation_heads_tick on conversation_heads (tick, conversation);

-- `tick`: when the mark moved, or they came or went. `seen` and `delivered` are what others hear of: they never go
-- back, and somebody who came has seen nothing. `gone`: how somebody who is no member ceased to be one.
alter table conversation_members
  add column tick bigint not null default 0,
  add column seen bigint not null default 0,
  add column delivered bigint not null default 0,
  add column gone text check (gone in ('left', 'removed', 'banned'));
update conversation_members set seen = mark where mark > 0 and left_at is null;

-- The conversations of a user in the order of their ids: what a cursor goes through.
create index conversation_members_of_user on conversation_members (user_id, conversation);
drop index conversation_members_user;

-- The preview is of the message that stands here. What becomes of that message becomes of the preview, too.
alter table conversation_heads add column message_seq bigint not null default 0;
update conversation_heads h set message_seq = coalesce((
  select l.seq from conversation_log l where l.conversation = h.conversation and l.kind = 40 order by l.seq desc limit 1), 0);

-- Who is meant by which message; with `everyone_mentions`, all but its sender. Rows of one's own messages, and of
-- messages that mean everybody, are not here: each message counts once.
create table message_mentions (
  user_id uuid not null,
  conversation uuid not null,
  number bigint not null,
  message uuid not null,
  primary key (user_id, conversation, number)
);
create index message_mentions_message on message_mentions (message);

create table everyone_mentions (
  conversation uuid not null,
  number bigint not null,
  sender uuid not null,
  message uuid not null unique,
  primary key (conversation, number)
);

alter table user_settings add column read_receipts boolean not null default true;

-- What the messages of a batch mean for mentions: see src/storage/mention-effects.ts. After the rows are in the log.
create function nubo_apply_mentions(p_effects jsonb) returns void
  language plpgsql
  as $$
begin
  insert into everyone_mentions (conversation, number, sender, message)
  select conv, number, "from", message
  from jsonb_to_recordset(p_effects -> 'everyone') as e (conv uuid, number bigint, "from" uuid, message uuid)
  on conflict do nothing;

  insert into message_mentions (user_id, conversation, number, message)
  select named, e.conv, e.number, e.message
  from jsonb_to_recordset(p_effects -> 'named') as e (conv uuid, number bigint, "from" uuid, message uuid, users uuid[])
  cross join unnest(e.users) as named
  where named <> e."from"
  on conflict do nothing;

  if jsonb_array_length(p_effects -> 'edited') > 0 then
    delete from message_mentions m using jsonb_to_recordset(p_effects -> 'edited') as e (message uuid)
    where m.message = e.message;
    insert into message_mentions (user_id, conversation, number, message)
    select named, l.conversation, l.number, l.id
    from jsonb_to_recordset(p_effects -> 'edited') as e (message uuid, users uuid[])
    join conversation_log l on l.id = e.message
    cross join unnest(e.users) as named
    where named <> l.actor and not exists (select from everyone_mentions a where a.message = e.message)
    on conflict do nothing;
  end if;

  if jsonb_array_length(p_effects -> 'deleted') > 0 then
    delete from message_mentions m using jsonb_array_elements_text(p_effects -> 'deleted') as e (message)
    where m.message = e.message::uuid;
    delete from everyone_mentions m using jsonb_array_elements_text(p_effects -> 'deleted') as e (message)
    where m.message = e.message::uuid;
  end if;
end
$$;

create function nubo_mentions(p_user uuid, p_conversation uuid, p_mark bigint) returns bigint
  language sql stable
  as $$
  select (select count(*) from message_mentions m
      where m.user_id = p_user and m.conversation = p_conversation and m.number > p_mark)
    + (select count(*) from everyone_mentions e
      where e.conversation = p_conversation and e.number > p_mark and e.sender <> p_user)
$$;

-- As in 0002_log, with the clock. A mark is max(min(mark, low), high): `low` is what somebody took back to, `mark` what
-- was read since. A head without a preview (null) has lost it: its
-- message was deleted. A preview counts unless the conversation has a later message.
create or replace function nubo_flush(p_shard integer, p_batch bigint, p_heads jsonb, p_marks jsonb) returns void
  language plpgsql
  set enable_seqscan = off
  as $$
declare
  v_tick bigint := nubo_tick(p_shard);
  v_mark record;
begin
  insert into conversation_heads as h (conversation, shard, last_batch, seq, number, preview, message_seq, last_at, tick)
  select conv, p_shard, (p_shard::bigint << 40) + p_batch, seq, number, preview,
    case when preview = '' then 0 else coalesce("messageSeq", seq) end, nubo_time(at), v_tick
  from jsonb_to_recordset(p_heads)
    as x (conv uuid, seq bigint, number bigint, at bigint, preview text, "messageSeq" bigint)
  order by conv
  on conflict (conversation) do update set
    shard = excluded.shard,
    last_batch = excluded.last_batch,
    seq = excluded.seq,
    number = excluded.number,
    preview = case when excluded.preview = '' or excluded.message_seq < h.message_seq then h.preview
      else excluded.preview end,
    message_seq = greatest(h.message_seq, excluded.message_seq),
    last_at = excluded.last_at,
    tick = excluded.tick
  where excluded.seq > h.seq;

  for v_mark in
    select conv, "user", mark, low, delivered, came
    from jsonb_to_recordset(p_marks)
      as x (conv uuid, "user" uuid, mark bigint, low bigint, delivered bigint, came text)
    order by conv, "user"
  loop
    update conversation_members m set
      mark = greatest(least(m.mark, v_mark.low), v_mark.mark),
      seen = greatest(m.seen, v_mark.mark),
      delivered = greatest(m.delivered, v_mark.delivered, v_mark.mark),
      gone = case when v_mark.came is null then m.gone else nullif(v_mark.came, 'in') end,
      tick = case when v_mark.came is not null or m.mark <> greatest(least(m.mark, v_mark.low), v_mark.mark)
        then v_tick else m.tick end
    where m.conversation = v_mark.conv and m.user_id = v_mark."user"
      and (m.mark < v_mark.mark or m.seen < v_mark.mark or m.mark > v_mark.low or m.delivered < v_mark.delivered
        or v_mark.came is not null);
  end loop;
end
$$;

create or replace function nubo_repair_progress(p_shard int default null) returns bigint
  language plpgsql
  as $$
declare
  v_writer writers;
  v_low bigint;
  v_high bigint;
  v_tick bigint;
  v_batches bigint := 0;
begin
  for v_writer in
    select * from writers where batch > flushed and (p_shard is null or shard = p_shard) order by shard
  loop
    v_low := (v_writer.shard::bigint << 40) + v_writer.flushed;
    v_high := (v_writer.shard::bigint << 40) + v_writer.batch;
    v_batches := v_batches + v_writer.batch - v_writer.flushed;
    v_tick := nubo_tick(v_writer.shard);

    insert into conversation_heads as h (conversation, shard, last_batch, seq, number, preview, message_seq, last_at, tick)
    select w.conversation, v_writer.shard, w.batch, w.seq, w.number, m.preview, coalesce(m.seq, 0), w.at, v_tick
    from (
      select distinct on (conversation) conversation, batch, seq, number, at
      from conversation_log where batch > v_low and batch <= v_high
      order by conversation, seq desc
    ) as w
    left join (
      select conversation, max(case when kind = 40 then seq else (details ->> 'messageSeq')::bigint end) as seq
      from conversation_log where batch > v_low and batch <= v_high and kind in (40, 46, 47)
      group by conversation
    ) as touched on touched.conversation = w.conversation
    left join lateral (
      select l.seq, case when s.deleted_at is not null then null
        when coalesce(s.text, l.body) = '' then '[' || coalesce(l.details ->> 'type', 'text') || ']'
        else left(coalesce(s.text, l.body), 140) end as preview
      from conversation_log l left join message_states s on s.message = l.id
      where l.conversation = w.conversation and l.seq = touched.seq
    ) as m on true
    order by w.conversation
    on conflict (conversation) do update set
      shard = excluded.shard,
      last_batch = excluded.last_batch,
      seq = excluded.seq,
      number = excluded.number,
      preview = case when excluded.message_seq < greatest(h.message_seq, 1) then h.preview else excluded.preview end,
      message_seq = greatest(h.message_seq, excluded.message_seq),
      last_at = excluded.last_at,
      tick = excluded.tick
    where excluded.seq > h.seq;

    update conversation_members m set
      mark = greatest(m.mark, x.number),
      seen = greatest(m.seen, x.number),
      delivered = greatest(m.delivered, x.number),
      tick = v_tick
    from (
      select conversation, actor, max(number) as number
      from conversation_log where batch > v_low and batch <= v_high and kind = 40
      group by conversation, actor
    ) as x
    where m.conversation = x.conversation and m.user_id = x.actor and (m.mark < x.number or m.seen < x.number);

    -- Who came or went, by the last event that says so: join, leave, add, remove, ban.
    update conversation_members m set
      gone = case x.kind when 43 then 'left' when 45 then 'removed' when 54 then 'banned' end,
      tick = v_tick
    from (
      select distinct on (conversation, member) conversation, member, kind
      from (
        select conversation, coalesce(target, actor) as member, kind, seq
        from conversation_log where batch > v_low and batch <= v_high and kind in (42, 43, 44, 45, 54)
      ) as moves
      order by conversation, member, seq desc
    ) as x
    where m.conversation = x.conversation and m.user_id = x.member;

    update writers set flushed = greatest(flushed, v_writer.batch) where shard = v_writer.shard;
  end loop;
  return v_batches;
end
$$;

-- Who was banned and had never come has a row as well, which a ban began: they have no more to hear than a stranger.
create function nubo_has_come(p_member conversation_members) returns boolean
  language sql stable
  as $$
  select p_member.left_at is null or not exists (
    select from conversation_log l
    where l.conversation = p_member.conversation and l.seq = p_member.joined_seq and l.kind = 54)
$$;

-- Conversations of a user that have changed since the ticks of a cursor, in the order of their ids, the first ones after
-- `p_after`. The tick of shard n stands at n + 1 of `p_since`; a shard without one has no tick that was seen. Without
-- `p_since`: all that they are a member of. Two ways to find them, the same ones: this one looks at the head of each of
-- the user's conversations. Row by row along the indexes: a planner would rather read every head there is.
create function nubo_changed_of_user(p_user uuid, p_since bigint[], p_after uuid, p_limit integer) returns setof uuid
  language plpgsql stable
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
  set enable_memoize = off
  set enable_material = off
  set jit = off
  set plan_cache_mode = force_generic_plan
  as $$
begin
  return query
  select own.conversation
  from conversation_members own
  left join conversation_heads h on h.conversation = own.conversation
  where own.user_id = p_user
    and own.conversation > p_after
    and case when p_since is null then own.left_at is null
      else (own.tick > coalesce(p_since[(own.tick >> 40) + 1], 0) and nubo_has_come(own))
        or (own.left_at is null and h.tick > coalesce(p_since[(h.tick >> 40) + 1], 0)) end
  order by own.conversation
  limit p_limit;
end
$$;

-- This one looks at the heads that have changed, whosever they are, and at the user's own row in each of those: in
-- this order (offset 0), also where a planner does not know yet how many conversations they have.
create function nubo_changed_of_heads(p_user uuid, p_since bigint[], p_after uuid, p_limit integer) returns setof uuid
  language plpgsql stable
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
  set enable_memoize = off
  set enable_material = off
  set jit = off
  set plan_cache_mode = force_generic_plan
  as $$
begin
  return query
  select own.conversation
  from conversation_members own
  where own.user_id = p_user
    and own.conversation > p_after
    and own.tick > coalesce(p_since[(own.tick >> 40) + 1], 0) and nubo_has_come(own)
  union
  select own.conversation
  from sync_clocks c
  cross join lateral (
    select x.conversation from conversation_heads x
    where x.tick > greatest(p_since[c.shard + 1], c.shard::bigint << 40) and x.tick < (c.shard + 1)::bigint << 40
    offset 0) as h
  cross join lateral (
    select x.conversation from conversation_members x
    where x.conversation = h.conversation and x.user_id = p_user and x.left_at is null and x.conversation > p_after
    offset 0) as own
  order by conversation
  limit p_limit;
end
$$;

-- Those that have changed, and how they stand for the user. One statement: one snapshot of the clocks and of all that they
-- count. Few heads that have changed are looked through for somebody who has many conversations.
create function nubo_sync(p_user uuid, p_since bigint[], p_after uuid, p_limit integer)
  returns table (clocks json, changed json)
  language plpgsql stable
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
  set jit = off
  as $$
declare
  v_after uuid := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
  v_changed uuid[];
begin
  if p_since is not null
    and exists (select from conversation_members where user_id = p_user offset 2000)
    and not exists (
      select from sync_clocks c cross join lateral (
        select from conversation_heads h
        where h.tick > greatest(p_since[c.shard + 1], c.shard::bigint << 40) and h.tick < (c.shard + 1)::bigint << 40
      ) as h offset 5000)
  then
    v_changed := array(select nubo_changed_of_heads(p_user, p_since, v_after, p_limit));
  else
    v_changed := array(select nubo_changed_of_user(p_user, p_since, v_after, p_limit));
  end if;
  return query
  select
    (select json_agg(json_build_array(c.shard, c.tick) order by c.shard) from sync_clocks c),
    (select json_agg(json_build_array(
        m.conversation, c.type, c.title, c.avatar_url, c.state, m.left_at is null, m.gone, m.role,
        m.mark, nubo_until_ms(m.muted_until), nubo_until_ms(m.banned_until),
        h.seq, h.number, nubo_ms(coalesce(h.last_at, c.created_at)), h.preview,
        case when m.left_at is null then nubo_mentions(p_user, m.conversation, m.mark) else 0 end,
        case when c.type = 'direct' then (select other.user_id from conversation_members other
          where other.conversation = m.conversation and other.user_id <> p_user limit 1) end)
        order by w.place)
      from unnest(v_changed) with ordinality as w (conversation, place)
      cross join lateral (
        select * from conversation_members x where x.conversation = w.conversation and x.user_id = p_user offset 0) as m
      cross join lateral (select * from conversations x where x.id = w.conversation offset 0) as c
      left join lateral (select * from conversation_heads x where x.conversation = w.conversation offset 0) as h on true);
end
$$;
