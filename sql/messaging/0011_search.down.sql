-- Takes back 0011_search: words are not found any more. All of it can be made again from the log.

drop function nubo_search_prune(integer);
drop function nubo_search_follow(integer, integer);
drop function nubo_search_fill(integer);
drop function nubo_search_begin(text);
drop function nubo_search_words(text, uuid, text);
drop function nubo_search_vector(text, text);
drop function nubo_search_place(uuid);
drop table search_positions;
drop table search_state;
drop table message_search;
