-- Why: mirrors of the tables hear of every change from here, in whatever order transactions commit, and after an
-- outage as well. What comes from the log is not in it: the log tells that itself.

-- One row an element that is or was. `version` grows under the lock of the element's own row, so it never goes back.
-- `changed` is the transaction that changed it last: who reads all that is at or above the oldest transaction still
-- under way at the last reading misses nothing, also what commits late.
create table entity_changes (
  entity text not null,
  id text not null,
  version bigint not null,
  changed xid8 not null,
  primary key (entity, id)
);
comment on table entity_changes is 'The version of every element of the watched tables; an element without a row there is gone.';
create index entity_changes_changed on entity_changes (changed);

-- A row as it is compared: columns that a mere touch moves count by the day.
create function nubo_compared(p_row jsonb, p_touched text[]) returns jsonb
  language sql immutable parallel safe
  as $$
  select p_row || coalesce((select jsonb_object_agg(name, left(p_row ->> name, 10)) from unnest(p_touched) as name), '{}')
$$;

create function nubo_row_id(p_row jsonb, p_key text[]) returns text
  language sql immutable parallel safe
  as $$
  select string_agg(p_row ->> name, ':' order by place) from unnest(p_key) with ordinality as k (name, place)
$$;

-- Arguments: the entity, the columns of its key, the columns that a mere touch moves. A first version is the time, so
-- that it is above those of an element of the same id that was here before, even if nothing knows of it any more.
create function nubo_note_change() returns trigger
  language plpgsql
  as $$
declare
  v_key text[] := tg_argv[1];
  v_touched text[] := tg_argv[2];
  v_old jsonb;
  v_new jsonb;
begin
  if tg_op <> 'INSERT' then
    v_old := nubo_compared(to_jsonb(old), v_touched);
  end if;
  if tg_op <> 'DELETE' then
    v_new := nubo_compared(to_jsonb(new), v_touched);
  end if;
  if v_old = v_new then
    return null;
  end if;
  insert into entity_changes as c (entity, id, version, changed)
  select tg_argv[0], known, nubo_ms(clock_timestamp()), pg_current_xact_id()
  from (
    select nubo_row_id(v_old, v_key) as known where v_old is not null
    union select nubo_row_id(v_new, v_key) where v_new is not null
  ) as ids
  order by known
  on conflict (entity, id) do update set version = c.version + 1, changed = excluded.changed;
  return null;
end
$$;

-- From now on every change of the table's rows is noted, and what is in it now counts as changed by this transaction.
create function nubo_watch(p_table regclass, p_entity text, p_key text[], p_touched text[] default '{}') returns void
  language plpgsql
  as $$
begin
  execute format(
    'create trigger nubo_note_change after insert or update or delete on %s
     for each row execute function nubo_note_change(%L, %L, %L)', p_table, p_entity, p_key, p_touched);
  execute format(
    'insert into entity_changes (entity, id, version, changed)
     select %L, nubo_row_id(to_jsonb(t), %L), nubo_ms(clock_timestamp()), pg_current_xact_id() from %s as t',
    p_entity, p_key, p_table);
end
$$;

select nubo_watch('users', 'users', '{id}');
select nubo_watch('user_settings', 'user_settings', '{user_id}');
-- A session is used every few minutes, and each use puts off its end.
select nubo_watch('sessions', 'sessions', '{id}', '{last_used_at,expires_at}');
