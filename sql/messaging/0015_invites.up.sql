-- Why: somebody who may invites whoever has a code. Of the code only its hash is kept, and its uses are counted exactly.

create table conversation_invites (
  id uuid primary key,
  conversation uuid not null,
  code_hash bytea not null unique check (length(code_hash) = 32),
  creator uuid not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  uses_max integer check (uses_max > 0),
  uses integer not null default 0 check (uses >= 0 and (uses_max is null or uses <= uses_max)),
  revoked_at timestamptz
);
create index conversation_invites_of_conversation on conversation_invites (conversation, id) where revoked_at is null;
comment on table conversation_invites is 'Links by which one becomes a member. Nobody can tell the code from its hash.';

-- A user takes one use of an invitation, whatever they do afterwards. `operation` is the last one by which they did.
create table invite_uses (
  invite uuid not null references conversation_invites (id) on delete cascade,
  user_id uuid not null,
  operation uuid not null,
  primary key (invite, user_id)
);

-- Takes a use for the user, one taker after another. No row: there is no such invitation, or it is over. Who has taken one
-- takes no second, and who is a member none at all; the same operation may always be asked for again, but when it is over
-- that only tells what became of it.
create function nubo_take_invite(p_hash bytea, p_user uuid, p_operation uuid)
  returns table (invite uuid, conversation uuid, is_new boolean, is_over boolean)
  language plpgsql
  as $$
#variable_conflict use_column
declare
  v_invite conversation_invites;
  v_operation uuid;
  v_is_over boolean;
begin
  select * into v_invite from conversation_invites where code_hash = p_hash for update;
  if not found then return; end if;
  v_is_over := v_invite.revoked_at is not null or coalesce(v_invite.expires_at <= now(), false);
  select operation into v_operation from invite_uses where invite = v_invite.id and user_id = p_user;
  if v_operation is distinct from p_operation then
    if v_is_over then return; end if;
    if exists (select from conversations where id = v_invite.conversation and state = 'deleted') then return; end if;
    if v_operation is not null then
      update invite_uses set operation = p_operation where invite = v_invite.id and user_id = p_user;
    elsif not exists (select from conversation_members m
      where m.conversation = v_invite.conversation and m.user_id = p_user and m.left_at is null)
    then
      if v_invite.uses >= v_invite.uses_max then return; end if;
      insert into invite_uses (invite, user_id, operation) values (v_invite.id, p_user, p_operation);
      update conversation_invites set uses = uses + 1 where id = v_invite.id;
      return query select v_invite.id, v_invite.conversation, true, false;
      return;
    end if;
  end if;
  return query select v_invite.id, v_invite.conversation, false, v_is_over;
end
$$;

-- The use was of no use: they may not come in after all.
create function nubo_give_back_invite(p_invite uuid, p_user uuid, p_operation uuid) returns void
  language plpgsql
  as $$
begin
  perform from conversation_invites where id = p_invite for update;
  delete from invite_uses where invite = p_invite and user_id = p_user and operation = p_operation;
  if found then update conversation_invites set uses = uses - 1 where id = p_invite; end if;
end
$$;
