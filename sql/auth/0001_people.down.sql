-- Takes back 0001_people: everybody who uses nubo, their sessions and what was revoked.

drop table revocations, refresh_tokens, sessions, user_settings, users;
