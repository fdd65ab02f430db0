-- Why: a conversation that was in memory lately is kept as it was in a faster tier, and only what came since is read.

-- As nubo_load, without info and members.
create function nubo_load_tail(p_conversations uuid[], p_recent integer)
  returns table (conversation uuid, recent json, head json)
  language sql stable
  as $$
  select
    w.id,
    (select json_agg(nubo_row(newest) order by newest.seq) from (
      select l.* from conversation_log l where l.conversation = w.id order by l.seq desc limit p_recent
    ) as newest),
    (select json_build_object('seq', h.seq, 'number', h.number)
      from conversation_heads h where h.conversation = w.id)
  from unnest(p_conversations) as w (id)
$$;
