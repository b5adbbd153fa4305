import type { Client } from 'pg'

/**
 * All that is committed in the database, in short: how many rows each table and each catalog has, and which transaction
 * wrote the newest of them. Two equal answers mean that nothing was committed in between, for every insert and every
 * update leaves a newer row, and every delete one fewer.
 */
export async function committedState(superuser: Client): Promise<string> {
  await untilRunnersAreGone(superuser)
  await superuser.query(`
    DO $$
    DECLARE
      relation regclass;
      rows text;
      state text := '';
    BEGIN
      -- Other databases of the server change at the same time, so what they share is left out, but for settings.
      FOR relation IN
        SELECT oid FROM pg_class
        WHERE relkind IN ('r', 'm') AND (NOT relisshared OR oid = 'pg_db_role_setting'::regclass) ORDER BY oid
      LOOP
        EXECUTE format('SELECT count(*) || '' '' || coalesce(max(xmin::text::bigint), 0) FROM %s', relation) INTO rows;
        state := state || relation || ' ' || rows || E'\\n';
      END LOOP;
      PERFORM set_config('test.state', state, false);
    END $$`)
  const { rows } = await superuser.query<{ state: string }>(`SELECT current_setting('test.state') AS state`)
  return rows[0]?.state ?? ''
}

/** A session whose client is gone may still be at work. It is asked for again and again, as a snapshot would hold up builds. */
async function untilRunnersAreGone(superuser: Client): Promise<void> {
  const areThere = async () => {
    const { rowCount } = await superuser.query(
      `SELECT FROM pg_stat_activity WHERE application_name = 'hundredfold' AND datname = current_database()`,
    )
    return rowCount !== 0
  }
  while (await areThere()) await new Promise((resolve) => setTimeout(resolve, 2))
}
