-- Takes back 0003_views: nothing is stored in a view.

drop view message_index, members, conversations_meta;
