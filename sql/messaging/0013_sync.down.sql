-- Takes back 0013_sync: cursors, mentions, what others see of marks, and who wants none of it.

drop function nubo_sync(uuid, bigint[], uuid, integer);
drop function nubo_changed_of_heads(uuid, bigint[], uuid, integer);
drop function nubo_changed_of_user(uuid, bigint[], uuid, integer);
drop function nubo_has_come(conversation_members);
drop function nubo_mentions(uuid, uuid, bigint);
drop function nubo_apply_mentions(jsonb);
drop table everyone_mentions, message_mentions;
alter table user_settings drop column read_receipts;
create index conversation_members_user on conversation_members (user_id);
drop index conversation_members_of_user;
alter table conversation_members drop column tick, drop column seen, drop column delivered, drop column gone;
alter table conversation_heads drop column tick;

-- Heads and marks only grow (SPEC L14). Rows are locked in one order, so that flush and batch cannot deadlock. Marks
-- go one by one: as a join the planner takes what comes from JSON for a hundred rows and may read the members once
-- for each.
create or replace function nubo_flush(p_shard integer, p_batch bigint, p_heads jsonb, p_marks jsonb) returns void
  language plpgsql
  set enable_seqscan = off
  as $$
declare
  v_mark record;
begin
  insert into conversation_heads as h (conversation, shard, last_batch, seq, number, preview, message_seq, last_at)
  select conv, p_shard, (p_shard::bigint << 40) + p_batch, seq, number, preview,
    case when preview = '' then 0 else coalesce("messageSeq", seq) end, nubo_time(at)
  from jsonb_to_recordset(p_heads)
    as x (conv uuid, seq bigint, number bigint, at bigint, preview text, "messageSeq" bigint)
  order by conv
  on conflict (conversation) do update set
    shard = excluded.shard,
    last_batch = excluded.last_batch,
    seq = excluded.seq,
    number = excluded.number,
    preview = case when excluded.preview = '' or excluded.message_seq < h.message_seq then h.preview
      else excluded.preview end,
    message_seq = greatest(h.message_seq, excluded.message_seq),
    last_at = excluded.last_at
  where excluded.seq > h.seq;

  for v_mark in
    select conv, "user", mark from jsonb_to_recordset(p_marks) as x (conv uuid, "user" uuid, mark bigint)
    order by conv, "user"
  loop
    update conversation_members m set mark = v_mark.mark
    where m.conversation = v_mark.conv and m.user_id = v_mark."user" and m.mark < v_mark.mark;
  end loop;
end
$$;

-- After a crash: heads and senders' marks again from the rows of the batches that were not flushed, of one shard or of
-- all; how many batches.
create or replace function nubo_repair_progress(p_shard int default null) returns bigint
  language plpgsql
  as $$
declare
  v_writer writers;
  v_low bigint;
  v_high bigint;
  v_batches bigint := 0;
begin
  for v_writer in
    select * from writers where batch > flushed and (p_shard is null or shard = p_shard) order by shard
  loop
    v_low := (v_writer.shard::bigint << 40) + v_writer.flushed;
    v_high := (v_writer.shard::bigint << 40) + v_writer.batch;
    v_batches := v_batches + v_writer.batch - v_writer.flushed;

    insert into conversation_heads as h (conversation, shard, last_batch, seq, number, preview, message_seq, last_at)
    select w.conversation, v_writer.shard, w.batch, w.seq, w.number, m.preview, coalesce(m.seq, 0), w.at
    from (
      select distinct on (conversation) conversation, batch, seq, number, at
      from conversation_log where batch > v_low and batch <= v_high
      order by conversation, seq desc
    ) as w
    left join (
      select conversation, max(case when kind = 40 then seq else (details ->> 'messageSeq')::bigint end) as seq
      from conversation_log where batch > v_low and batch <= v_high and kind in (40, 46, 47)
      group by conversation
    ) as touched on touched.conversation = w.conversation
    left join lateral (
      select l.seq, case when s.deleted_at is not null then null
        when coalesce(s.text, l.body) = '' then '[' || coalesce(l.details ->> 'type', 'text') || ']'
        else left(coalesce(s.text, l.body), 140) end as preview
      from conversation_log l left join message_states s on s.message = l.id
      where l.conversation = w.conversation and l.seq = touched.seq
    ) as m on true
    order by w.conversation
    on conflict (conversation) do update set
      shard = excluded.shard,
      last_batch = excluded.last_batch,
      seq = excluded.seq,
      number = excluded.number,
      preview = case when excluded.message_seq < greatest(h.message_seq, 1) then h.preview else excluded.preview end,
      message_seq = greatest(h.message_seq, excluded.message_seq),
      last_at = excluded.last_at
    where excluded.seq > h.seq;

    update conversation_members m set mark = x.number
    from (
      select conversation, actor, max(number) as number
      from conversation_log where batch > v_low and batch <= v_high and kind = 40
      group by conversation, actor
    ) as x
    where m.conversation = x.conversation and m.user_id = x.actor and m.mark < x.number;

    update writers set flushed = greatest(flushed, v_writer.batch) where shard = v_writer.shard;
  end loop;
  return v_batches;
end
$$;

drop function nubo_tick(integer);
drop table sync_clocks;
