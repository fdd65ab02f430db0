-- Why: people look for words in what they may read. What finds them is a table of its own, filled off the ack path by
-- following the log batch by batch: an index on the log itself would be written by every COPY.

-- Only messages that say something. The first lexeme of `words` names the conversation (a space, which no word has, and
-- its id), so that the words of one conversation are found by one index, without an extension.
create table message_search (
  message uuid primary key,
  conversation uuid not null,
  sender uuid not null,
  at timestamptz not null,
  type text not null,
  words tsvector not null
);
create index message_search_words on message_search using gin (words) with (gin_pending_list_limit = 1024);
create index message_search_at on message_search (at, message);
create index message_search_place on message_search (conversation, at, message);

-- `filled_to` is the last id that filling has come to; what came after filling began is followed all the while.
create table search_state (
  is_only boolean primary key default true check (is_only),
  language text not null,
  filled_to uuid not null,
  is_filled boolean not null default false
);

-- Everything up to this batch of the shard is in the index; moved in the transaction that puts it there.
create table search_positions (
  shard integer primary key,
  batch bigint not null
) with (fillfactor = 10);

create function nubo_search_place(p_conversation uuid) returns text
  language sql immutable strict parallel safe
  as $$ select ' ' || p_conversation $$;

-- As people read it: to Postgres, what stands between < and > is markup, and says nothing.
create function nubo_search_vector(p_language text, p_text text) returns tsvector
  language sql stable parallel safe
  as $$ select to_tsvector(p_language::regconfig, translate(p_text, '<>', '  ')) $$;

create function nubo_search_words(p_language text, p_conversation uuid, p_text text) returns tsvector
  language sql stable parallel safe
  as $$
  select array_to_tsvector(array[nubo_search_place(p_conversation)]) || nubo_search_vector(p_language, p_text)
$$;

-- Begins anew when there is no index, when it was made for another language, or when somebody emptied it; whether it is
-- filled. What is committed by now is filled in, what comes later is followed.
create function nubo_search_begin(p_language text) returns boolean
  language plpgsql
  as $$
declare
  v_state search_state;
begin
  perform pg_advisory_xact_lock(hashtext('nubo_search'));
  -- A language that does not exist is an error here, and nothing is lost.
  perform p_language::regconfig;
  select * into v_state from search_state;
  if v_state.language is not distinct from p_language and (
    not v_state.is_filled or exists (select from message_search)
    or not exists (select from conversation_log where kind = 40 and body <> '')
  ) then
    return v_state.is_filled;
  end if;
  truncate message_search, search_positions;
  insert into search_positions (shard, batch) select shard, batch from writers;
  insert into search_state (language, filled_to) values (p_language, '00000000-0000-0000-0000-000000000000')
  on conflict (is_only) do update set
    language = excluded.language, filled_to = excluded.filled_to, is_filled = false;
  return false;
end
$$;

-- What was in the log when the index was begun, by id, as it says now; how many rows were looked at.
create function nubo_search_fill(p_rows integer) returns integer
  language plpgsql
  as $$
declare
  v_state search_state;
  v_last uuid;
  v_rows integer;
begin
  perform pg_advisory_xact_lock(hashtext('nubo_search'));
  select * into v_state from search_state;
  if v_state.is_filled then
    return 0;
  end if;
  with page as materialized (
    select l.* from conversation_log l where l.id > v_state.filled_to order by l.id limit p_rows
  ), put as (
    insert into message_search as m (message, conversation, sender, at, type, words)
    select p.id, p.conversation, p.actor, p.at, coalesce(p.details ->> 'type', 'text'),
      nubo_search_words(v_state.language, p.conversation, coalesce(s.text, p.body))
    from page p left join message_states s on s.message = p.id
    where p.kind = 40 and s.deleted_at is null and coalesce(s.text, p.body) <> ''
    on conflict (message) do update set words = excluded.words
  )
  -- There is no max of UUIDs before version 18.
  select count(*), (array_agg(id order by id desc))[1] into v_rows, v_last from page;
  update search_state set filled_to = coalesce(v_last, filled_to), is_filled = v_rows < p_rows;
  return v_rows;
end
$$;

-- What the next batches of each shard did to the index: new messages, what edits made of them, and those that say nothing
-- any more. Always what is true now, so that doing it twice does no harm. No more than some rows of each shard, or one
-- batch: at one moment batches have a row each, at the next thousands. `behind`: batches that are still to come.
create function nubo_search_follow(p_batches integer, p_rows integer)
  returns table (rows integer, oldest bigint, behind bigint)
  language plpgsql
  as $$
declare
  v_language text;
  v_writer record;
  v_base bigint;
  v_to bigint;
  v_cut bigint;
  v_rows integer;
  v_oldest timestamptz;
begin
  perform pg_advisory_xact_lock(hashtext('nubo_search'));
  select language into v_language from search_state;
  rows := 0;
  behind := 0;
  for v_writer in
    select w.shard, w.batch, coalesce(p.batch, 0) as position
    from writers w left join search_positions p on p.shard = w.shard
    where w.batch > coalesce(p.batch, 0) order by w.shard
  loop
    v_base := v_writer.shard::bigint << 40;
    v_to := least(v_writer.batch, v_writer.position + p_batches);
    -- Rows lie about as they came: the first that are found are those of the next batches, the last of them cut.
    select count(*), max(first.batch) - v_base into v_rows, v_cut from (
      select l.batch from conversation_log l
      where l.batch > v_base + v_writer.position and l.batch <= v_base + v_to limit p_rows + 1) as first;
    if v_rows > p_rows then
      v_to := greatest(v_cut - 1, v_writer.position + 1);
    end if;
    behind := behind + v_writer.batch - v_to;
    with fresh as materialized (
      select l.id, l.conversation, l.actor, l.at, l.kind, l.target, l.body, l.details ->> 'type' as type
      from conversation_log l
      where l.batch > v_base + v_writer.position and l.batch <= v_base + v_to and l.kind in (40, 46, 47)
    ), changed as materialized (
      select distinct f.target as id from fresh f where f.kind <> 40
      except select f.id from fresh f where f.kind = 40
    ), said as materialized (
      select f.id, f.conversation, f.actor, f.at, f.type, f.body from fresh f where f.kind = 40
      union all
      select l.id, l.conversation, l.actor, l.at, l.details ->> 'type', l.body
      from changed c join conversation_log l on l.id = c.id and l.kind = 40
    ), now_said as materialized (
      select w.*, coalesce(s.text, w.body) as text
      from said w left join message_states s on s.message = w.id
      where s.deleted_at is null and coalesce(s.text, w.body) <> ''
    ), gone as (
      delete from message_search m using changed c
      where m.message = c.id and not exists (select from now_said n where n.id = c.id)
    ), put as (
      insert into message_search as m (message, conversation, sender, at, type, words)
      select n.id, n.conversation, n.actor, n.at, coalesce(n.type, 'text'),
        nubo_search_words(v_language, n.conversation, n.text)
      from now_said n
      on conflict (message) do update set words = excluded.words
    )
    select count(*), min(f.at) into v_rows, v_oldest from fresh f;
    insert into search_positions (shard, batch) values (v_writer.shard, v_to)
    on conflict (shard) do update set batch = excluded.batch;
    rows := rows + v_rows;
    oldest := least(oldest, nubo_ms(v_oldest));
  end loop;
  return next;
end
$$;

-- Messages that have left the log leave the index, so many at a time; how many did.
create function nubo_search_prune(p_rows integer) returns integer
  language sql
  as $$
  with gone as (
    delete from message_search where message in (
      select m.message from message_search m
      where m.message < (select nubo_id_bound(until) from log_horizon) order by m.message limit p_rows
    ) returning 1
  )
  select count(*)::integer from gone
$$;
