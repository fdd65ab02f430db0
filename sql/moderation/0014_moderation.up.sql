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
