-- Why: other programs read nubo's data by the names and numbers they know. `messages` is in 0002_log already.

-- 0 direct, 1 group, 2 channel; 0 active, 1 archived, 2 deleted.
create view conversations_meta as
  select
    c.id,
    case c.type when 'direct' then 0 when 'group' then 1 else 2 end::smallint as type,
    c.title,
    newest.id as last_message_id,
    case c.state when 'active' then 0 when 'archived' then 1 else 2 end::smallint as state,
    c.created_at
  from conversations c
  left join lateral (
    select l.id from conversation_log l
    where l.conversation = c.id and l.kind = 40
    order by l.seq desc limit 1
  ) as newest on true;
comment on view conversations_meta is 'Conversations with their last message.';

-- Only those who are there now. 0 member, 1 moderator or admin, 2 owner. What is unread is as old as the head in
-- conversation_heads: at most a second.
create view members as
  select
    m.conversation as conversation_id,
    m.user_id,
    case m.role when 'owner' then 2 when 'member' then 0 else 1 end::smallint as role,
    m.joined_at,
    greatest(0, coalesce(h.number, 0) - m.mark)::integer as unread_count
  from conversation_members m
  left join conversation_heads h on h.conversation = m.conversation
  where m.left_at is null;
comment on view members is 'Who is in which conversation, and how many messages each has not read.';

-- 0 text, 1 image, 2 publication, 3 audio, 4 video, 5 file, 6 system.
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
