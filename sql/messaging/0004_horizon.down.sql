-- Takes back 0004_horizon: without it, ids from before the horizon would be taken for ids that were never stored.

drop table log_horizon;
