/** What to lock, every name quoted. */
export interface LockWishes {
  tables: readonly string[]
  mode: 'ACCESS EXCLUSIVE' | 'EXCLUSIVE' | 'SHARE ROW EXCLUSIVE'
  /** Views that are replaced, with their owners. LOCK TABLE would lock the tables of a view too. */
  views?: readonly { name: string; owner: string }[]
  /** Tables that its foreign keys point to, whose triggers come and go with them; where we may lock them. */
  referenced?: readonly string[]
}

/** How long to look for a moment at which nobody holds any of them, in milliseconds. */
export const lookMs = 3_000
/** How long a client may wait behind our request, where there is no such moment. */
const queueMs = 40

/**
 * PL/pgSQL that locks several relations at once, or raises `lock_not_available`. A request that waits makes all who come
 * later wait behind it, and two tables that clients lock in both orders would make a deadlock. So it asks with NOWAIT,
 * again and again, and nobody waits behind it. Where a table is never free, it queues for it for some 40 ms at times.
 */
export function lockPolitely({ tables, mode, views = [], referenced = [] }: LockWishes): string {
  const [first = '', ...others] = tables
  const locks = [
    `LOCK TABLE ${first} IN ${mode} MODE;`,
    `PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);`,
    ...(others.length === 0 ? [] : [`LOCK TABLE ${others.join(', ')} IN ${mode} MODE NOWAIT;`]),
    ...views.map(lockView),
    ...referenced.map(lockReferenced),
  ]
  return politely(locks.join('\n      '))
}

/**
 * PL/pgSQL that runs statements as soon as nobody is in their way, as `lockPolitely` does. Whatever an attempt has done
 * and locked is undone before the next one. They may read `began`, and have to lower `lock_timeout` to a millisecond
 * after their first lock.
 */
export function politely(statements: string): string {
  return `DECLARE
  began timestamptz := pg_catalog.clock_timestamp();
  attempt integer := 0;
  allowed text := pg_catalog.current_setting('lock_timeout');
BEGIN
  LOOP
    attempt := attempt + 1;
    BEGIN
      -- As good as NOWAIT, for statements that do not have it.
      PERFORM pg_catalog.set_config('lock_timeout',
        CASE WHEN pg_catalog.clock_timestamp() < began + interval '${lookMs} ms' OR attempt % 8 > 0
          THEN '1ms' ELSE '${queueMs}ms' END, true);
      ${statements}
      PERFORM pg_catalog.set_config('lock_timeout', allowed, true);
      EXIT;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      IF pg_catalog.clock_timestamp() > began + interval '${lookMs * 3} ms' THEN
        RAISE;
      END IF;
      PERFORM pg_catalog.pg_sleep(0.001 + 0.003 * pg_catalog.random());
    END;
  END LOOP;
END`
}

/** Changes nothing, and takes the lock of the view alone. */
function lockView({ name, owner }: { name: string; owner: string }): string {
  return `ALTER VIEW ${name} OWNER TO ${owner};`
}

function lockReferenced(table: string): string {
  const name = `'${table.replaceAll("'", "''")}'`
  return `IF pg_catalog.has_table_privilege(${name}, 'UPDATE') THEN
        LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE NOWAIT;
      END IF;`
}
