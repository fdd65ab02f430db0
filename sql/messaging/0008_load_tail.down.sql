-- Takes back 0008_load_tail: every load reads everything again.

drop function nubo_load_tail(uuid[], integer);
