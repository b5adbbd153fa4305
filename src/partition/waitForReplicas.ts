import { defaultReplicaLagMs, replicaLagSetting } from '../postgres/replicaLag.ts'

/** The same bounds as those of the runner's own batches: see `migrate/pace/replicaLag.ts`. */
const mostBytes = 64 * 1_024 * 1_024
/** As the runner says it by `--max-replica-lag`; its default where somebody else calls. */
const mostMs =
  `coalesce(nullif(pg_catalog.current_setting('${replicaLagSetting}', true), '')::float8, ` +
  `${defaultReplicaLagMs})`
const worthMentioning = 1_024 * 1_024

/**
 * PL/pgSQL that waits, with no transaction open, as long as a replica is behind: once it waits, until all are below half of
 * the bounds. It needs the variables `is_behind boolean`, `share double precision` and `looked timestamptz`, and looks at
 * most once a second.
 */
export const waitForReplicas = `IF (looked IS NULL OR pg_catalog.clock_timestamp() > looked + interval '1 second') AND ${mostMs} > 0 THEN
  share := 1;
  LOOP
    BEGIN
      SELECT EXISTS (
        SELECT FROM (
          SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn) AS bytes,
            extract(epoch FROM greatest(write_lag, replay_lag)) * 1000 AS ms
          FROM pg_catalog.pg_stat_replication
          WHERE state IN ('streaming', 'catchup') AND replay_lsn IS NOT NULL
          UNION ALL
          SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), coalesce(confirmed_flush_lsn, restart_lsn)), NULL
          FROM pg_catalog.pg_replication_slots
          WHERE active AND coalesce(confirmed_flush_lsn, restart_lsn) IS NOT NULL
        ) replica
        WHERE bytes > ${mostBytes} * share OR ms > ${mostMs} * share AND bytes > ${worthMentioning}
      ) INTO is_behind;
    EXCEPTION WHEN OTHERS THEN
      -- Some services have no write-ahead log to ask for.
      is_behind := false;
    END;
    COMMIT;
    EXIT WHEN NOT is_behind;
    IF share = 1 THEN
      RAISE NOTICE 'waiting for a replica that is behind';
    END IF;
    share := 0.5;
    PERFORM pg_catalog.pg_sleep(0.5);
  END LOOP;
  looked := pg_catalog.clock_timestamp();
END IF`
