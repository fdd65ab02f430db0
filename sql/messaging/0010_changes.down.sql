-- Takes back 0010_changes: what became of messages, and who is banned or muted. The log keeps that it happened, so not
-- once there are kinds of conversations or of events that were not known before.

do $$
begin
  if exists (select from conversations where type not in ('direct', 'group', 'channel')) or
    exists (select from conversation_log where kind > 45) then
    raise exception 'there are conversations or changes in the log that are not known without this migration';
  end if;
end
$$;

drop trigger nubo_note_change on conversation_members;
drop trigger nubo_note_change on conversations;
delete from entity_changes where entity in ('conversations', 'members', 'message_states');
drop view pinned_messages, message_index, messages;
drop function nubo_parents(uuid, uuid[]), nubo_changed(uuid, bigint, bigint, uuid[], uuid), nubo_targets(jsonb),
  nubo_load(uuid[], integer), nubo_forget_contents(uuid[]), nubo_apply_reactions(jsonb, jsonb), nubo_apply_messages(jsonb),
  nubo_apply_members(jsonb), nubo_apply(jsonb), nubo_note_changes(text, text[]), nubo_until_ms(timestamptz), nubo_until(bigint);
drop table message_reaction_counts, message_reactions, message_edits, message_states;
drop index conversation_members_banned, conversation_members_muted;
alter table conversation_members drop column nickname, drop column banned_until, drop column muted_until;
drop index conversations_open_title;
create index conversations_channel_title on conversations (title) where type = 'channel';
alter table conversations drop column slow_ms, drop column members_max;
alter table conversations drop constraint conversations_state_check;
alter table conversations drop constraint conversations_type_check;
alter table conversations add constraint conversations_type_check check (type in ('direct', 'group', 'channel'));

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

create function nubo_load(p_conversations uuid[], p_recent integer)
  returns table (conversation uuid, info json, members json, recent json, head json)
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
    ) as newest),
    (select json_build_object('seq', h.seq, 'number', h.number)
      from conversation_heads h where h.conversation = w.id)
  from unnest(p_conversations) as w (id)
$$;

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
