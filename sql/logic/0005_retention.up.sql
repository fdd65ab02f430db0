-- Why: months past their retention leave the log, and the order of their conversations must go on after them (P4).

-- Takes the leaf of a month out of the log, and keeps it as conversation_log_…_detached or drops it; how many rows it
-- had, or null when there was none. From then on ids of that month are behind the horizon. Heads come from
-- conversation_heads when their rows are gone, so a row that is not covered there keeps its month in the log.
create function nubo_partition_detach(p_month date, p_keep boolean) returns bigint
  language plpgsql
  as $$
declare
  v_from timestamp := date_trunc('month', p_month::timestamp);
  v_leaf text := 'conversation_log_' || to_char(v_from, 'YYYY_MM');
  v_rows bigint;
  v_uncovered bigint;
  v_name text;
begin
  -- The same as nubo_partition_ensure takes: one at a time changes the months.
  perform pg_advisory_xact_lock(hashtext('nubo_partition_ensure'));
  if not exists (
    select from pg_inherits where inhparent = 'conversation_log'::regclass and inhrelid = to_regclass(v_leaf)
  ) then
    return null;
  end if;
  execute format(
    'select count(*), count(*) filter (where h.seq is null or h.seq < l.seq)
     from %I l left join conversation_heads h on h.conversation = l.conversation', v_leaf)
    into v_rows, v_uncovered;
  if v_uncovered > 0 then
    raise exception '% rows of % are newer than the heads of their conversations', v_uncovered, v_leaf;
  end if;
  insert into log_horizon (until) values ((v_from + interval '1 month') at time zone 'UTC')
  on conflict (is_only) do update set until = greatest(log_horizon.until, excluded.until);
  execute format('alter table conversation_log detach partition %I', v_leaf);
  if not p_keep then
    execute format('drop table %I', v_leaf);
    return v_rows;
  end if;
  for v_name in
    select relname from pg_index join pg_class on oid = indexrelid where indrelid = to_regclass(v_leaf)
  loop
    execute format('alter index %I rename to %I', v_name, v_name || '_detached');
  end loop;
  execute format('alter table %I rename to %I', v_leaf, v_leaf || '_detached');
  return v_rows;
end
$$;

-- As in 0002_log, with the head as the side table has it: the log's own, when it is newer, counts.
drop function nubo_load(uuid[], integer);
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
