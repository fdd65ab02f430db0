-- Loses nothing: the names are where they were.

drop index conversations_title_words;
drop index users_name_words;
drop index users_username_place;
drop function nubo_name_place;
drop function nubo_name_query;
drop function nubo_name_words;
