-- What is lost: who has blocked whom, which conversations are quiet for whom, reports, and what was done beside the log.

-- As in 0012_sync.
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

drop function nubo_set_quiet(integer, jsonb);
alter table conversation_members drop column quiet_until;
drop view audit;
drop index conversation_log_acts, conversation_log_acts_at;
drop function nubo_report(jsonb, integer);
drop function nubo_are_blocked(uuid, uuid);
drop function nubo_set_block(uuid, uuid, uuid, boolean, integer);
drop table audit_entries, blocks, reports;
drop function nubo_refuse_change();
