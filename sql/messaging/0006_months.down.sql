-- Takes back 0006_months: nubo_partition_ensure as it was in 0002_log.

create or replace function nubo_partition_ensure(p_month date) returns boolean
  language plpgsql
  as $$
declare
  v_from timestamp := date_trunc('month', p_month::timestamp);
  v_low uuid := nubo_id_bound(v_from at time zone 'UTC');
  v_high uuid := nubo_id_bound((v_from + interval '1 month') at time zone 'UTC');
  v_leaf text := 'conversation_log_' || to_char(v_from, 'YYYY_MM');
begin
  if to_regclass(v_leaf) is not null then
    return false;
  end if;
  perform pg_advisory_xact_lock(hashtext('nubo_partition_ensure'));
  if to_regclass(v_leaf) is not null then
    return false;
  end if;
  execute format('create table %I (like conversation_log including defaults including constraints)', v_leaf);
  -- Attaching needs this lock anyway; taken here, nothing can land in the default between the move and the attach.
  lock table conversation_log_default in access exclusive mode;
  perform nubo_partition_move(v_leaf, v_low, v_high);
  execute format('alter table %I add constraint %I primary key (id)', v_leaf, v_leaf || '_pkey');
  execute format('create unique index %I on %I (conversation, seq)', v_leaf || '_seq', v_leaf);
  execute format('create index %I on %I using brin (batch int8_minmax_multi_ops)', v_leaf || '_batch', v_leaf);
  execute format('alter table conversation_log attach partition %I for values from (%L) to (%L)', v_leaf, v_low, v_high);
  return true;
end
$$;
