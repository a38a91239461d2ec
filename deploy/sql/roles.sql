-- Settings of the roles; stated anew at every start because dumps do not carry them.

-- Superset truncates dates to periods in the session's zone and shows the result in UTC: in any other zone
-- October would be shown as September. Local times of day are columns of the marts, not a session setting.
alter role bi_staff set timezone = 'UTC';
alter role bi_public set timezone = 'UTC';
alter role wall set timezone = 'UTC';

-- A dashboard query that runs away must not hold back the swap of a mart, which needs an exclusive lock.
alter role bi_staff set statement_timeout = '30s';
alter role bi_staff set default_transaction_read_only = on;
alter role bi_public set statement_timeout = '10s';
alter role bi_public set default_transaction_read_only = on;
alter role bi_public connection limit 20;
alter role wall set statement_timeout = '10s';
alter role transformer set lock_timeout = '60s';
-- A killed scheduler leaves workers that hold a metadata session open.
alter role airflow set idle_in_transaction_session_timeout = '300s';
