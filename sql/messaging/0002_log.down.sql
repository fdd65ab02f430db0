-- Takes back 0002_log: every message and conversation there is. Months that were detached belong to the operator.

drop view messages;
drop function nubo_repair_progress(integer), nubo_flush(integer, bigint, jsonb, jsonb), nubo_load(uuid[], integer),
  nubo_row(conversation_log), nubo_apply(jsonb), nubo_claim(integer, bigint, bigint), nubo_partitions_ahead(),
  nubo_partition_move(text, uuid, uuid), nubo_partition_ensure(date), nubo_id_bound(timestamptz);
drop table conversation_heads, conversation_members, conversations, conversation_log, placements, writers;
drop function nubo_ms(timestamptz), nubo_time(bigint);
