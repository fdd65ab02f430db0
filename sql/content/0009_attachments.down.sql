-- Takes back 0009_attachments: every attachment is forgotten. The bytes stay where they are.

drop function nubo_attachments_unlink(uuid[]);
drop function nubo_attachments_link(jsonb);
drop function nubo_attachments_ready(uuid, uuid[]);
drop function nubo_attachment_seen(uuid, uuid);
drop function nubo_attachment_create(uuid, uuid, text, text, bigint, timestamptz, bigint, integer);
drop table attachment_uploads;
drop table attachments;
