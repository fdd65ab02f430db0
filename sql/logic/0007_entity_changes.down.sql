-- Takes back 0007_entity_changes: the tables are not watched any more, whichever they are by now.

drop function nubo_watch(regclass, text, text[], text[]);
drop function nubo_note_change() cascade;
drop function nubo_row_id(jsonb, text[]);
drop function nubo_compared(jsonb, text[]);
drop table entity_changes;
