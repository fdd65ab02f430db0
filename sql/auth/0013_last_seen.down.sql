-- What is lost: when users were last seen.

drop table last_seen;
