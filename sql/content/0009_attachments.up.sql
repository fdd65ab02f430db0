-- Why: files that are sent with messages. Their bytes are in a store of their own; here is what is known of each, and whose.

-- The row is there before the first byte and after the last: so bytes never lie anywhere that nobody knows of.
-- `uploading`: bytes are lacking. `ready`: whole, of a type that is allowed. `refused`: whole, and not allowed; its bytes
-- are gone. `removed`: nobody sees it any more; its bytes go, and then the row.
create table attachments (
  id uuid primary key,
  owner uuid not null,
  conversation uuid,
  message uuid,
  file_name text not null check (octet_length(file_name) between 1 and 1024),
  -- As it was declared until there are bytes to look at, then as they are.
  file_type text not null check (octet_length(file_type) between 1 and 255),
  file_size bigint not null check (file_size > 0),
  state text not null default 'uploading' check (state in ('uploading', 'ready', 'refused', 'removed')),
  -- Of what is refused: why.
  reason text,
  width bigint check (width > 0),
  height bigint check (height > 0),
  duration_ms bigint check (duration_ms >= 0),
  -- Null: an image whose thumbnail nobody has tried to make yet.
  has_thumbnail boolean default false,
  created_at timestamptz not null default now(),
  -- Null once it was sent: it lives as long as its message.
  expires_at timestamptz,
  check ((message is null) = (conversation is null))
);
comment on table attachments is 'Files of messages: what they are, whose, and which message has them. The bytes are on disk or in S3.';
create index attachments_owner on attachments (owner) where state in ('uploading', 'ready');
create index attachments_message on attachments (message) where message is not null;
create index attachments_expires_at on attachments (expires_at) where expires_at is not null;
create index attachments_unseen on attachments (id) where has_thumbnail is null;

-- What an upload needs while it goes on. One writer at a time: who holds the lease, until it runs out.
create table attachment_uploads (
  id uuid primary key references attachments (id) on delete cascade,
  -- What the store of the bytes calls it.
  handle text not null default '',
  lease uuid,
  leased_until timestamptz
) with (fillfactor = 80);
comment on table attachment_uploads is 'The unfinished attachments, and who writes to them now.';

-- Begins an upload, or finds the same one again: `created` or `found`, and why not else. Bytes of one user are counted
-- one upload at a time, those that are still to come included; 0 as a limit: there is none.
create function nubo_attachment_create(
  p_id uuid, p_owner uuid, p_name text, p_type text, p_size bigint, p_expires timestamptz,
  p_bytes_max bigint, p_unfinished_max integer
) returns text
  language plpgsql
  as $$
declare
  v_there attachments;
  v_bytes bigint;
  v_unfinished bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended('nubo_attachments ' || p_owner, 0));
  select * into v_there from attachments where id = p_id;
  if found then
    return case
      when v_there.owner = p_owner and v_there.state = 'uploading' and v_there.file_size = p_size
        and v_there.file_name = p_name then 'found'
      else 'conflict' end;
  end if;
  select coalesce(sum(file_size), 0), count(*) filter (where state = 'uploading') into v_bytes, v_unfinished
  from attachments where owner = p_owner and state in ('uploading', 'ready');
  if v_unfinished >= p_unfinished_max then
    return 'too many';
  end if;
  if p_bytes_max > 0 and v_bytes + p_size > p_bytes_max then
    return 'full';
  end if;
  insert into attachments (id, owner, file_name, file_type, file_size, expires_at)
  values (p_id, p_owner, p_name, p_type, p_size, p_expires);
  insert into attachment_uploads (id) values (p_id);
  return 'created';
end
$$;

-- What somebody may see of an attachment: its owner all of it, the members of the conversation it was sent in what is ready.
create function nubo_attachment_seen(p_user uuid, p_id uuid) returns setof attachments
  language sql stable
  as $$
  select a.* from attachments a
  where a.id = p_id and a.state <> 'removed' and (
    (a.owner = p_user and (a.message is not null or a.expires_at > now()))
    or (a.state = 'ready' and exists (
      select from conversation_members m
      where m.conversation = a.conversation and m.user_id = p_user and m.left_at is null)))
$$;

-- Of these, the ones that a message of this user may carry: ready, their own, in no message yet.
create function nubo_attachments_ready(p_owner uuid, p_ids uuid[]) returns setof attachments
  language sql stable
  as $$
  select a.* from attachments a
  where a.id = any (p_ids) and a.owner = p_owner and a.state = 'ready' and a.message is null and a.expires_at > now()
$$;

-- Gives attachments to messages: [{id, owner, conv, message}]. In the transaction that stores the messages, after their
-- rows. Those that may not be given (any more) are passed over; which were given, and those that were already.
create function nubo_attachments_link(p_links jsonb) returns setof uuid
  language plpgsql
  as $$
begin
  -- Rows are locked in one order, so that two batches cannot deadlock.
  perform from attachments a
  where a.id in (select id from jsonb_to_recordset(p_links) as l (id uuid)) order by a.id for update;
  return query
    update attachments a set conversation = l.conv, message = l.message, expires_at = null
    from jsonb_to_recordset(p_links) as l (id uuid, owner uuid, conv uuid, message uuid)
    where a.id = l.id and a.owner = l.owner and a.state = 'ready' and (a.message is null or a.message = l.message)
    returning a.id;
end
$$;

-- The messages are deleted: nobody sees their attachments from now on, the sweep removes the bytes. How many.
create function nubo_attachments_unlink(p_messages uuid[]) returns bigint
  language plpgsql
  as $$
declare
  v_count bigint;
begin
  perform from attachments where message = any (p_messages) order by id for update;
  update attachments set state = 'removed', file_name = '-', reason = null, expires_at = now()
  where message = any (p_messages) and state <> 'removed';
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
