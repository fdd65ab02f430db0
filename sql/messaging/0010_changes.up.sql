-- Why: whatever happens to messages, members and conversations after they came is in the log; what is true of them now
-- lives in side tables, written by the same transaction.

alter table conversations drop constraint conversations_type_check;
alter table conversations add constraint conversations_type_check
  check (type in ('direct', 'group', 'channel', 'community', 'announcement'));
alter table conversations add constraint conversations_state_check check (state in ('active', 'archived', 'deleted'));
alter table conversations add column slow_ms integer not null default 0;
alter table conversations add column members_max integer not null default 0;
drop index conversations_channel_title;
create index conversations_open_title on conversations (title) where type in ('channel', 'community', 'announcement');

-- In the year 9999: until it is taken back. Who is banned has a row here also when they never were a member.
alter table conversation_members add column nickname text;
alter table conversation_members add column banned_until timestamptz;
alter table conversation_members add column muted_until timestamptz;
create index conversation_members_banned on conversation_members (conversation) where banned_until is not null;
create index conversation_members_muted on conversation_members (conversation) where muted_until is not null;

-- Only messages that were changed have a row. `version` is the seq of the last change; `text` and `metadata` are what an
-- edit made them. The text of a deleted message is nowhere.
create table message_states (
  message uuid primary key,
  conversation uuid not null,
  seq bigint not null,
  version bigint not null,
  text text,
  metadata jsonb,
  mentions uuid[],
  edited_at timestamptz,
  deleted_at timestamptz,
  deleted_by uuid,
  -- The event that did it: its batch is what mirrors count by.
  deletion uuid,
  pinned_at timestamptz,
  pinned_by uuid,
  -- Of the event: two pins of one millisecond have an order, too.
  pinned_seq bigint,
  -- How many there are of each emoji, for whoever reads documents; pages are told of message_reaction_counts.
  reactions jsonb
);
create unique index message_states_seq on message_states (conversation, seq);
create index message_states_pinned on message_states (conversation, pinned_seq) where pinned_at is not null;

create table message_edits (
  message uuid not null,
  seq bigint not null,
  -- Of the event in the log.
  id uuid not null,
  at timestamptz not null,
  editor uuid not null,
  text text not null,
  metadata jsonb,
  primary key (message, seq)
);

create table message_reactions (
  message uuid not null,
  emoji text not null,
  user_id uuid not null,
  seq bigint not null,
  at timestamptz not null,
  primary key (message, emoji, user_id)
);

-- So that a page need not count thousands. `first_seq` is where its order among the emojis of the message comes from.
create table message_reaction_counts (
  message uuid not null,
  emoji text not null,
  count integer not null,
  first_seq bigint not null,
  primary key (message, emoji)
);

-- An end as events have it: −1 is never, which is the last year that everybody can write; 0 takes it back.
create function nubo_until(p_ms bigint) returns timestamptz
  language sql immutable parallel safe
  as $$
  select case
    when p_ms = -1 or p_ms > 253370764800000 then timestamptz '9999-01-01T00:00:00Z'
    when p_ms = 0 then null
    else nubo_time(p_ms)
  end
$$;

-- The other way; null when there is none or it is over.
create function nubo_until_ms(p_until timestamptz) returns bigint
  language sql stable parallel safe
  as $$
  select case when p_until >= timestamptz '9999-01-01T00:00:00Z' then -1 when p_until > now() then nubo_ms(p_until) end
$$;

-- As in 0002_log, and more: see src/storage/effects.ts, whose shape this is. What is absent stays as it was. After the
-- rows of the batch are in the log, so that a deletion finds an edit of its own batch.
drop function nubo_apply(jsonb);
create function nubo_apply(p_effects jsonb) returns void
  language plpgsql
  as $$
begin
  insert into conversations (id, type, title, description, avatar_url, members_max, creator, created_at)
  select conv, type, title, description, avatar, coalesce("membersMax", 0), creator, nubo_time("createdAt")
  from jsonb_to_recordset(p_effects -> 'conversations')
    as c (conv uuid, type text, title text, description text, avatar text, "membersMax" integer, creator uuid,
      "createdAt" bigint)
  order by conv
  on conflict (id) do nothing;

  if jsonb_array_length(p_effects -> 'changes') > 0 then
    update conversations c set
      title = case when e.title is null then c.title else nullif(e.title, '') end,
      description = case when e.description is null then c.description else nullif(e.description, '') end,
      avatar_url = case when e.avatar is null then c.avatar_url else nullif(e.avatar, '') end,
      state = coalesce(e.state, c.state),
      slow_ms = coalesce(e."slowMs", c.slow_ms),
      members_max = coalesce(e."membersMax", c.members_max)
    from jsonb_to_recordset(p_effects -> 'changes')
      as e (conv uuid, title text, description text, avatar text, state text, "slowMs" integer, "membersMax" integer)
    where c.id = e.conv;
  end if;

  if jsonb_array_length(p_effects -> 'members') > 0 then
    perform nubo_apply_members(p_effects -> 'members');
  end if;
  if jsonb_array_length(p_effects -> 'attachments') > 0 then
    perform nubo_attachments_link(p_effects -> 'attachments');
  end if;
  if jsonb_array_length(p_effects -> 'messages') > 0 then
    perform nubo_apply_messages(p_effects);
  end if;
end
$$;

-- As nubo_note_change, of many elements in one statement: of 10,000 joins a trigger for each row took half the time. What
-- notes so turns the triggers off (`nubo.notes`) for as long as it runs.
create function nubo_note_changes(p_entity text, p_ids text[]) returns void
  language sql
  as $$
  insert into entity_changes as c (entity, id, version, changed)
  select p_entity, id, nubo_ms(clock_timestamp()), pg_current_xact_id() from unnest(p_ids) as id
  order by id collate "C"
  on conflict (entity, id) do update set version = c.version + 1, changed = excluded.changed
$$;

-- A newcomer's mark starts at the head, so that nothing from before they came is unread.
create function nubo_apply_members(p_members jsonb) returns void
  language sql
  set nubo.notes = 'off'
  as $$
  with come as (
    insert into conversation_members as m
      (conversation, user_id, role, joined_seq, joined_at, left_at, mark, nickname, banned_until, muted_until)
    select conv, "user", coalesce(role, 'member'), coalesce((joined ->> 'seq')::bigint, seq),
      nubo_time(coalesce((joined ->> 'at')::bigint, at)),
      case when coalesce(present, false) then null else nubo_time(at) end,
      coalesce((joined ->> 'number')::bigint, 0), nullif(nickname, ''), nubo_until("bannedUntil"), nubo_until("mutedUntil")
    from jsonb_to_recordset(p_members)
      as e (conv uuid, "user" uuid, seq bigint, at bigint, joined jsonb, present boolean, role text, nickname text,
        "bannedUntil" bigint, "mutedUntil" bigint)
    order by conv, "user"
    on conflict (conversation, user_id) do nothing
  )
  -- Of those who have just come it sees nothing: it is of the same statement.
  update conversation_members m set
    left_at = case when e.present is null then m.left_at when e.present then null else nubo_time(e.at) end,
    role = coalesce(e.role, m.role),
    joined_seq = coalesce((e.joined ->> 'seq')::bigint, m.joined_seq),
    joined_at = coalesce(nubo_time((e.joined ->> 'at')::bigint), m.joined_at),
    mark = greatest(m.mark, (e.joined ->> 'number')::bigint),
    nickname = case when e.nickname is null then m.nickname else nullif(e.nickname, '') end,
    banned_until = case when e."bannedUntil" is null then m.banned_until else nubo_until(e."bannedUntil") end,
    muted_until = case when e."mutedUntil" is null then m.muted_until else nubo_until(e."mutedUntil") end
  from jsonb_to_recordset(p_members)
    as e (conv uuid, "user" uuid, seq bigint, at bigint, joined jsonb, present boolean, role text, nickname text,
      "bannedUntil" bigint, "mutedUntil" bigint)
  where m.conversation = e.conv and m.user_id = e."user";

  select nubo_note_changes('members', array(
    select conv || ':' || "user" from jsonb_to_recordset(p_members) as e (conv uuid, "user" uuid)))
$$;

create function nubo_apply_messages(p_effects jsonb) returns void
  language plpgsql
  set nubo.notes = 'off'
  as $$
declare
  v_deleted uuid[];
  v_reacts boolean := jsonb_array_length(p_effects -> 'reactions') > 0;
begin
  if v_reacts then
    perform nubo_apply_reactions(p_effects -> 'reactions', p_effects -> 'emojis');
  end if;

  insert into message_states as s
    (message, conversation, seq, version, text, metadata, mentions, edited_at, deleted_at, deleted_by, deletion, pinned_at,
      pinned_by, pinned_seq, reactions)
  select message, conv, seq, version, text, metadata, mentions, nubo_time("editedAt"), nubo_time("deletedAt"), "deletedBy",
    deletion, nubo_time(nullif("pinnedAt", 0)), "pinnedBy", "pinnedSeq",
    case when v_reacts then (select jsonb_object_agg(c.emoji, c.count) from message_reaction_counts c
      where c.message = e.message and c.count > 0) end
  from jsonb_to_recordset(p_effects -> 'messages')
    as e (message uuid, conv uuid, seq bigint, version bigint, text text, metadata jsonb, mentions uuid[], "editedAt" bigint,
      "deletedAt" bigint, "deletedBy" uuid, deletion uuid, "pinnedAt" bigint, "pinnedBy" uuid,
      "pinnedSeq" bigint)
  order by message
  on conflict (message) do update set
    version = excluded.version,
    text = coalesce(excluded.text, s.text),
    metadata = coalesce(excluded.metadata, s.metadata),
    mentions = coalesce(excluded.mentions, s.mentions),
    edited_at = coalesce(excluded.edited_at, s.edited_at),
    deleted_at = coalesce(excluded.deleted_at, s.deleted_at),
    deleted_by = coalesce(excluded.deleted_by, s.deleted_by),
    deletion = coalesce(excluded.deletion, s.deletion),
    pinned_at = coalesce(excluded.pinned_at, s.pinned_at),
    pinned_by = coalesce(excluded.pinned_by, s.pinned_by),
    pinned_seq = coalesce(excluded.pinned_seq, s.pinned_seq),
    reactions = case when v_reacts then excluded.reactions else s.reactions end;

  update message_states s set pinned_at = null, pinned_by = null, pinned_seq = null
  from jsonb_to_recordset(p_effects -> 'messages') as e (message uuid, "pinnedAt" bigint)
  where s.message = e.message and e."pinnedAt" = 0;

  insert into message_edits (message, seq, id, at, editor, text, metadata)
  select message, seq, id, nubo_time(at), by, text, metadata
  from jsonb_to_recordset(p_effects -> 'edits')
    as e (message uuid, seq bigint, id uuid, at bigint, by uuid, text text, metadata jsonb);

  select array_agg(message) into v_deleted
  from jsonb_to_recordset(p_effects -> 'messages') as e (message uuid, "deletedAt" bigint) where "deletedAt" is not null;
  if v_deleted is not null then
    perform nubo_forget_contents(v_deleted);
  end if;

  perform nubo_note_changes('message_states', array(
    select message::text from jsonb_to_recordset(p_effects -> 'messages') as e (message uuid)));
end
$$;

create function nubo_apply_reactions(p_reactions jsonb, p_emojis jsonb) returns void
  language sql
  as $$
  -- One that nobody used any more, at some moment of the batch, began anew then.
  update message_reaction_counts c set first_seq = (e.starts ->> c.count::text)::bigint
  from jsonb_to_recordset(p_emojis) as e (message uuid, emoji text, starts jsonb)
  where c.message = e.message and c.emoji = e.emoji and e.starts ? c.count::text;

  with wanted as (
    select * from jsonb_to_recordset(p_reactions)
      as e (message uuid, "user" uuid, emoji text, seq bigint, at bigint, "isOn" boolean)
  ), gone as (
    delete from message_reactions r using wanted w
    where not w."isOn" and r.message = w.message and r.emoji = w.emoji and r.user_id = w."user"
    returning r.message, r.emoji
  ), come as (
    insert into message_reactions (message, emoji, user_id, seq, at)
    select message, emoji, "user", seq, nubo_time(at) from wanted where "isOn"
    on conflict do nothing
    returning message, emoji
  ), moved as (
    select message, emoji, sum(step)::integer as step from (
      select message, emoji, -1 as step from gone
      union all select message, emoji, 1 from come
    ) as steps group by message, emoji
  )
  insert into message_reaction_counts as c (message, emoji, count, first_seq)
  select m.message, m.emoji, m.step, coalesce((e.starts ->> '0')::bigint, 0)
  from moved m
  left join jsonb_to_recordset(p_emojis) as e (message uuid, emoji text, starts jsonb)
    on e.message = m.message and e.emoji = m.emoji
  order by m.message, m.emoji
  on conflict (message, emoji) do update set count = c.count + excluded.count
$$;

-- What a deleted message said is gone, in the log, in its edits and in its reactions. The only update the log knows.
create function nubo_forget_contents(p_messages uuid[]) returns void
  language sql
  as $$
  update conversation_log set body = '',
    details = case when kind = 40 then null else jsonb_build_object('messageSeq', details -> 'messageSeq') end
  where id in (select unnest(p_messages) union all select id from message_edits where message = any(p_messages));
  update message_states set text = null, metadata = null, mentions = null, edited_at = null, reactions = null
  where message = any(p_messages);
  delete from message_edits where message = any(p_messages);
  delete from message_reactions where message = any(p_messages);
  delete from message_reaction_counts where message = any(p_messages);
  select nubo_attachments_unlink(p_messages)
$$;

-- As in 0005_retention, with what the rules must know of members, pins and bans.
drop function nubo_load(uuid[], integer);
create function nubo_load(p_conversations uuid[], p_recent integer)
  returns table (conversation uuid, info json, members json, recent json, head json, standing json)
  language sql stable
  as $$
  select
    w.id,
    (select json_build_object('type', type, 'title', title, 'description', description, 'avatar', avatar_url,
        'state', state, 'slowMs', nullif(slow_ms, 0), 'membersMax', nullif(members_max, 0), 'creator', creator,
        'createdAt', nubo_ms(created_at))
      from conversations where id = w.id),
    (select json_agg(json_build_array(user_id, role, mark, nickname, nubo_until_ms(muted_until))
        order by joined_seq, user_id)
      from conversation_members m where m.conversation = w.id and m.left_at is null),
    (select json_agg(nubo_row(newest) order by newest.seq) from (
      select l.* from conversation_log l where l.conversation = w.id order by l.seq desc limit p_recent
    ) as newest),
    (select json_build_object('seq', h.seq, 'number', h.number)
      from conversation_heads h where h.conversation = w.id),
    json_build_object(
      'isChanged', exists (select from message_states s where s.conversation = w.id),
      'pins', coalesce((select json_agg(message order by pinned_seq) from message_states s
        where s.conversation = w.id and s.pinned_at is not null), '[]'),
      'bans', coalesce((select json_agg(json_build_array(user_id, nubo_until_ms(banned_until)) order by user_id)
        from conversation_members m where m.conversation = w.id and m.banned_until > now()), '[]'),
      'mutesOfAbsent', coalesce((select json_agg(json_build_array(user_id, nubo_until_ms(muted_until)) order by user_id)
        from conversation_members m
        where m.conversation = w.id and m.muted_until > now() and m.left_at is not null), '[]'))
  from unnest(p_conversations) as w (id)
$$;

-- What is asked of a message before something is done with it, in the order of the questions; null where there is none.
create function nubo_targets(p_questions jsonb)
  returns table (place bigint, conv uuid, "from" uuid, seq bigint, number bigint, at bigint, version bigint, "isDeleted" boolean,
    "hasReacted" boolean, emojis bigint, "hasEmoji" boolean)
  language sql stable
  as $$
  select q.place, l.conversation, l.actor, l.seq, l.number, nubo_ms(l.at), coalesce(s.version, 0),
    s.deleted_at is not null,
    exists (select from message_reactions r where r.message = l.id and r.emoji = q.emoji and r.user_id = q."user"),
    (select count(*) from message_reaction_counts c where c.message = l.id and c.count > 0),
    exists (select from message_reaction_counts c where c.message = l.id and c.emoji = q.emoji and c.count > 0)
  from rows from (jsonb_to_recordset(p_questions) as (message uuid, "user" uuid, emoji text))
    with ordinality as q (message, "user", emoji, place)
  join conversation_log l on l.id = q.message and l.kind = 40
  left join message_states s on s.message = l.id
$$;

-- What has become of the messages of a page, as one user sees it. A row of arrays, as nubo_row.
create function nubo_changed(p_conversation uuid, p_from bigint, p_to bigint, p_named uuid[], p_user uuid) returns setof json
  language sql stable
  as $$
  select json_build_array(s.message, s.version, s.text, s.metadata, s.mentions, nubo_ms(s.edited_at), nubo_ms(s.deleted_at),
    s.deleted_by, nubo_ms(s.pinned_at), s.pinned_by,
    (select json_agg(json_build_array(c.emoji, c.count, exists (
        select from message_reactions r where r.message = s.message and r.emoji = c.emoji and r.user_id = p_user))
        order by c.first_seq, c.emoji)
      from message_reaction_counts c where c.message = s.message and c.count > 0))
  from message_states s
  where s.conversation = p_conversation and (s.seq between p_from and p_to or s.message = any(p_named))
  order by s.seq
$$;

-- Messages as a reply to them shows them: the first 140 characters of what they say now.
create function nubo_parents(p_conversation uuid, p_messages uuid[]) returns setof json
  language sql stable
  as $$
  select json_build_array(l.id, l.actor, l.seq, left(coalesce(s.text, l.body), 140), l.details ->> 'type',
    s.deleted_at is not null)
  from conversation_log l
  left join message_states s on s.message = l.id
  where l.id = any(p_messages) and l.conversation = p_conversation and l.kind = 40
$$;

-- The messages as they are now.
drop view message_index;
drop view messages;
create view messages as
  select
    l.id,
    l.conversation as conversation_id,
    l.actor as sender_id,
    coalesce(l.details ->> 'type', 'text') as type,
    coalesce(s.text, l.body) as content,
    coalesce(s.metadata, l.details -> 'metadata') as metadata,
    (l.details ->> 'replyTo')::uuid as reply_to_id,
    s.edited_at is not null as is_edited,
    s.deleted_at is not null as is_deleted,
    l.at as created_at
  from conversation_log l
  left join message_states s on s.message = l.id
  where l.kind = 40;

create view message_index as
  select
    id,
    conversation_id,
    sender_id,
    array_position(array['text', 'image', 'publication', 'audio', 'video', 'file', 'system'], type)::smallint
      - 1::smallint as message_type,
    content,
    metadata as attachments,
    created_at
  from messages;
comment on view message_index is 'The messages with their type as a number.';

create view pinned_messages as
  select conversation as conversation_id, message as message_id, pinned_by, pinned_at
  from message_states where pinned_at is not null;
comment on view pinned_messages is 'What is pinned, by whom.';

-- Mirrors hear of conversations, members and changed messages by their tables, as of users. Read marks move with every
-- message: they are none of it.
select nubo_watch('conversations', 'conversations', '{id}');
create trigger nubo_note_change
  after insert or update or delete on message_states
  for each row when (current_setting('nubo.notes', true) is distinct from 'off')
  execute function nubo_note_change('message_states', '{message}', '{}');
create trigger nubo_note_change
  after insert or delete
    or update of role, joined_seq, joined_at, left_at, nickname, banned_until, muted_until on conversation_members
  for each row when (current_setting('nubo.notes', true) is distinct from 'off')
  execute function nubo_note_change('members', '{conversation,user_id}', '{}');
insert into entity_changes (entity, id, version, changed)
select 'members', conversation || ':' || user_id, nubo_ms(clock_timestamp()), pg_current_xact_id()
from conversation_members;
