-- What is lost: invitations; their codes are good no more. Who came by one stays.

drop function nubo_give_back_invite(uuid, uuid, uuid);
drop function nubo_take_invite(bytea, uuid, uuid);
drop table invite_uses;
drop table conversation_invites;
