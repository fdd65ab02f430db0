-- Why: people can keep others away and have them looked at, and what was done to people can be looked up afterwards.

-- `conversation`: the direct conversation of the two, whose actor asks for it when it starts, whether it exists or not.
create table blocks (
  blocker uuid not null references users (id) on delete cascade,
  blocked uuid not null references users (id) on delete cascade,
  conversation uuid not null,
  at timestamptz not null default clock_timestamp(),
  primary key (blocker, blocked),
  check (blocker <> blocked)
);
create index blocks_blocked on blocks (blocked, blocker);
create index blocks_conversation on blocks (conversation);

-- What was done beside the log: blocks, reports, and what operators did. `actor` null: the operator.
create table audit_entries (
  id uuid primary key default gen_random_uuid(),
  at timestamptz not null default clock_timestamp(),
  act text not null check (act in ('block', 'unblock', 'report', 'settle', 'mint', 'revoke')),
  actor uuid,
  target uuid,
  conversation uuid,
  message uuid,
  reason text,
  details jsonb
);
create index audit_entries_at on audit_entries (at, id);

create function nubo_refuse_change() returns trigger
  language plpgsql
  as $$
begin
  raise exception '% only takes rows in', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger audit_entries_insert_only
  before update or delete or truncate on audit_entries
  for each statement execute function nubo_refuse_change();

-- Keeps a block, or removes it; again changes nothing and leaves no second row of the audit.
create function nubo_set_block(p_blocker uuid, p_blocked uuid, p_conversation uuid, p_on boolean, p_max integer) returns text
  language plpgsql
  as $$
begin
  if not p_on then
    delete from blocks where blocker = p_blocker and blocked = p_blocked;
  elsif not exists (select from users where id = p_blocked and state <> 0) then
    return 'unknown';
  elsif exists (select from blocks where blocker = p_blocker offset p_max - 1)
    and not exists (select from blocks where blocker = p_blocker and blocked = p_blocked) then
    return 'full';
  else
    insert into blocks (blocker, blocked, conversation) values (p_blocker, p_blocked, p_conversation)
    on conflict do nothing;
  end if;
  if found then
    insert into audit_entries (act, actor, target)
    values (case when p_on then 'block' else 'unblock' end, p_blocker, p_blocked);
  end if;
  return 'kept';
end
$$;

create function nubo_are_blocked(p_one uuid, p_other uuid) returns boolean
  language sql stable
  as $$
  select exists (select from blocks where blocker = p_one and blocked = p_other)
    or exists (select from blocks where blocker = p_other and blocked = p_one)
$$;

-- As in 0012_sync, but that nobody is meant by whom they have blocked, or who has blocked them.
create or replace function nubo_apply_mentions(p_effects jsonb) returns void
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
  where named <> e."from" and not nubo_are_blocked(named, e."from")
  on conflict do nothing;

  if jsonb_array_length(p_effects -> 'edited') > 0 then
    delete from message_mentions m using jsonb_to_recordset(p_effects -> 'edited') as e (message uuid)
    where m.message = e.message;
    insert into message_mentions (user_id, conversation, number, message)
    select named, l.conversation, l.number, l.id
    from jsonb_to_recordset(p_effects -> 'edited') as e (message uuid, users uuid[])
    join conversation_log l on l.id = e.message
    cross join unnest(e.users) as named
    where named <> l.actor and not nubo_are_blocked(named, l.actor) and not exists (select from everyone_mentions a where a.message = e.message)
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

-- What somebody wants looked at, for operators alone. `evidence` is what it said then: it stays when that is deleted.
create table reports (
  id uuid primary key,
  reporter uuid not null,
  at timestamptz not null default clock_timestamp(),
  subject text not null check (subject in ('message', 'user', 'conversation')),
  target uuid not null,
  conversation uuid,
  -- Who is reported: the author, or the user.
  accused uuid,
  reason text not null,
  text text not null,
  evidence jsonb not null,
  state text not null default 'open' check (state in ('open', 'resolved', 'dismissed')),
  settled_at timestamptz,
  note text
);
create index reports_state on reports (state, at, id);
create index reports_reporter on reports (reporter, at);

-- Keeps a report with its row of the audit, once: `mine` is the time of one that is there. `wait`: milliseconds, when
-- the reporter has reported as often as they may in an hour.
create function nubo_report(p_report jsonb, p_max integer) returns table (outcome text, at bigint, wait bigint)
  language plpgsql
  as $$
#variable_conflict use_column
declare
  v reports := jsonb_populate_record(null::reports, p_report);
  v_known reports;
  v_oldest timestamptz;
begin
  perform pg_advisory_xact_lock(hashtextextended('nubo_report ' || v.reporter, 0));
  select * into v_known from reports r where r.id = v.id;
  if found then
    return query select
      case when v_known.reporter = v.reporter and v_known.target = v.target then 'kept' else 'conflict' end,
      nubo_ms(v_known.at), 0::bigint;
    return;
  end if;
  select r.at into v_oldest from reports r
  where r.reporter = v.reporter and r.at > clock_timestamp() - interval '1 hour'
  order by r.at desc offset p_max - 1 limit 1;
  if found then
    return query select 'wait', 0::bigint, nubo_ms(v_oldest + interval '1 hour') - nubo_ms(clock_timestamp());
    return;
  end if;
  insert into reports (id, reporter, subject, target, conversation, accused, reason, text, evidence)
  values (v.id, v.reporter, v.subject, v.target, v.conversation, v.accused, v.reason, v.text, v.evidence)
  on conflict do nothing
  returning * into v_known;
  if not found then
    -- Of somebody else, at this very moment.
    return query select 'conflict', 0::bigint, 0::bigint;
    return;
  end if;
  insert into audit_entries (act, actor, target, conversation, message, reason, details)
  values ('report', v.reporter, v.accused, v.conversation, case when v.subject = 'message' then v.target end, v.reason,
    jsonb_build_object('report', v.id));
  return query select 'kept', nubo_ms(v_known.at), 0::bigint;
end
$$;

-- What was done to people and conversations by others: from the log as far as it goes back, and from what was kept
-- beside it. Few rows of the log are of this kind, so they have indexes of their own.
create index conversation_log_acts on conversation_log (conversation, at, id)
  where kind > 44 and (kind in (45, 53, 54, 55, 56, 57) or (kind = 47 and details ->> 'author' <> actor::text)
    or (kind = 52 and details ? 'state'));
create index conversation_log_acts_at on conversation_log (at, id)
  where kind > 44 and (kind in (45, 53, 54, 55, 56, 57) or (kind = 47 and details ->> 'author' <> actor::text)
    or (kind = 52 and details ? 'state'));

create view audit as
  select id, at,
    case kind when 45 then 'remove' when 47 then 'delete' when 52 then 'state' when 53 then 'role' when 54 then 'ban'
      when 55 then 'unban' when 56 then 'mute' when 57 then 'unmute' end as act,
    actor,
    case when kind = 47 then (details ->> 'author')::uuid when kind <> 52 then target end as target,
    conversation,
    case when kind = 47 then target end as message,
    details ->> 'reason' as reason,
    jsonb_strip_nulls(jsonb_build_object('until', details -> 'until', 'role', details -> 'role', 'state', details -> 'state'))
      as details,
    true as is_of_log
  from conversation_log
  where kind > 44 and (kind in (45, 53, 54, 55, 56, 57) or (kind = 47 and details ->> 'author' <> actor::text)
    or (kind = 52 and details ? 'state'))
  union all
  select id, at, act, actor, target, conversation, message, reason, coalesce(details, '{}'), false from audit_entries;
comment on view audit is 'Who did what to whom, when and why; actor null: the operator.';

-- Until when a member wants to hear nothing of a conversation: their own business, in no log and in no mirror.
alter table conversation_members add column quiet_until timestamptz;

-- With a tick of its own, as a flush: cursors tell it.
create function nubo_set_quiet(p_shard integer, p_marks jsonb) returns void
  language plpgsql
  as $$
declare
  v_tick bigint := nubo_tick(p_shard);
begin
  update conversation_members m set quiet_until = nubo_until(x.quiet), tick = v_tick
  from jsonb_to_recordset(p_marks) as x (conv uuid, "user" uuid, quiet bigint)
  where m.conversation = x.conv and m.user_id = x."user";
end
$$;
