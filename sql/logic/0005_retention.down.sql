-- Takes back 0005_retention: nubo_load as it was in 0002_log. Not once months have left the log: that nubo_load takes
-- heads from the log alone, and a conversation whose last rows are gone would begin at seq 1 again (P4).

do $$
begin
  if exists (select from log_horizon) then
    raise exception 'months have left the log, and without this migration the order of their conversations would begin anew';
  end if;
end
$$;

drop function nubo_partition_detach(date, boolean);
drop function nubo_load(uuid[], integer);
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
