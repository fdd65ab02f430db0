-- Why: people look for others, and for conversations, by the beginnings of the words of a name while they type it.

-- Apart at whatever separates words in ASCII, at spaces and at quotation marks; emoji and signs of any script are words.
-- Not to_tsvector: to that example.com is one word, and an emoji none.
create function nubo_name_words(p_name text) returns tsvector
  language sql immutable strict parallel safe
  as $$
  select array_to_tsvector(array_remove(
    regexp_split_to_array(lower(left(p_name, 400)), '[\s!-/:-@\[-`{-~«»¡¿\u2000-\u206f]+'), ''))
$$;

-- What is typed: each of its words begins a word of the name; null when there is none.
create function nubo_name_query(p_typed text) returns tsquery
  language sql immutable strict parallel safe
  as $$
  select string_agg('''' || word || ''':*', ' & ')::tsquery
  from unnest(tsvector_to_array(nubo_name_words(p_typed))) as word
$$;

-- By which names are put in order, and where a page of them ended: the same on every machine.
create function nubo_name_place(p_name text) returns text
  language sql immutable strict parallel safe
  as $$ select left(lower(p_name), 60) collate "C" $$;

create index users_username_place on users ((lower(username) collate "C"), id) where state = 1;
create index users_name_words on users using gin (nubo_name_words(display_name))
  with (gin_pending_list_limit = 256) where state = 1;
create index conversations_title_words on conversations using gin (nubo_name_words(title))
  with (gin_pending_list_limit = 256)
  where type in ('channel', 'community', 'announcement') and state <> 'deleted';
