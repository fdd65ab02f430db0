-- Takes back 0012_sync: cursors, mentions, what others see of marks, and who wants none of it.

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
alter table conversation_heads drop column tick, drop column message_seq;

create or replace function nubo_flush(p_shard integer, p_batch bigint, p_heads jsonb, p_marks jsonb) returns void
  language plpgsql
  set enable_seqscan = off
  as $$
declare
  v_mark record;
begin
  insert into conversation_heads as h (conversation, shard, last_batch, seq, number, preview, last_at)
  select conv, p_shard, (p_shard::bigint << 40) + p_batch, seq, number, preview, nubo_time(at)
  from jsonb_to_recordset(p_heads) as x (conv uuid, seq bigint, number bigint, at bigint, preview text)
  order by conv
  on conflict (conversation) do update set
    shard = excluded.shard,
    last_batch = excluded.last_batch,
    seq = excluded.seq,
    number = excluded.number,
    preview = case when excluded.preview = '' then h.preview else excluded.preview end,
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

    insert into conversation_heads as h (conversation, shard, last_batch, seq, number, preview, last_at)
    select s.conversation, v_writer.shard, s.batch, s.seq, s.number, m.preview, s.at
    from (
      select distinct on (conversation) conversation, batch, seq, number, at
      from conversation_log where batch > v_low and batch <= v_high
      order by conversation, seq desc
    ) as s
    left join (
      select distinct on (conversation) conversation,
        case when body = '' then '[' || coalesce(details ->> 'type', 'text') || ']' else left(body, 140) end as preview
      from conversation_log where batch > v_low and batch <= v_high and kind = 40
      order by conversation, seq desc
    ) as m on m.conversation = s.conversation
    order by s.conversation
    on conflict (conversation) do update set
      shard = excluded.shard,
      last_batch = excluded.last_batch,
      seq = excluded.seq,
      number = excluded.number,
      preview = coalesce(excluded.preview, h.preview),
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
