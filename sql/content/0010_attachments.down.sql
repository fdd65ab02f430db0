-- Takes back 0010_attachments: every attachment is forgotten. The bytes stay where they are.

drop function nubo_attachments_unlink(uuid[]);
drop function nubo_attachments_link(jsonb);
drop function nubo_attachments_ready(uuid, uuid[]);
drop function nubo_attachment_seen(uuid, uuid);
drop function nubo_attachment_create(uuid, uuid, text, text, bigint, timestamptz, bigint, integer);
drop table attachment_uploads;
drop table attachments;

create or replace function nubo_apply(p_effects jsonb) returns void
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
  if jsonb_array_length(p_effects -> 'messages') > 0 then
    perform nubo_apply_messages(p_effects);
  end if;
end
$$;

create or replace function nubo_forget_contents(p_messages uuid[]) returns void
  language sql
  as $$
  update conversation_log set body = '',
    details = case when kind = 40 then null else jsonb_build_object('messageSeq', details -> 'messageSeq') end
  where id in (select unnest(p_messages) union all select id from message_edits where message = any(p_messages));
  update message_states set text = null, metadata = null, mentions = null, edited_at = null, reactions = null
  where message = any(p_messages);
  delete from message_edits where message = any(p_messages);
  delete from message_reactions where message = any(p_messages);
  delete from message_reaction_counts where message = any(p_messages)
$$;
