import { qualified, quote } from '../postgres/identifiers.ts'
import { commentOn } from '../operations/comment.ts'
import { literal } from './remake.ts'
import type { Subject } from './subject.ts'
import { helperSchema } from './subject.ts'
import { createTriggers, quietSetting } from './triggers.ts'

/**
 * The procedure of the way back. The table has its former shape again, and the former partitions are its children by
 * inheritance, so that clients see all rows. It moves their rows into the table. Each batch excludes writers, for some
 * 30 ms: a writer that waited for a row would find it gone. Then it puts foreign keys and triggers back. It may be ended
 * anywhere and called again.
 */
export async function takeBackProcedure(subject: Subject): Promise<string> {
  const { table, functions } = subject
  const target = qualified(table)
  const columns = table.columns.filter(({ generated }) => generated === '').map(({ name }) => quote(name))
  const list = columns.join(', ')
  const triggers = await createTriggers(table, noisy(subject), { replaces: true })
  return `CREATE PROCEDURE ${quote(helperSchema)}.${quote(functions.takeBack)}() LANGUAGE plpgsql AS $take_back$
DECLARE
  child pg_catalog.regclass;
  pages integer := 8;
  moved bigint;
  began timestamptz;
  spent double precision;
  has_lock boolean;
  key record;
BEGIN
  LOOP
    SELECT inhrelid::pg_catalog.regclass INTO child FROM pg_catalog.pg_inherits
    WHERE inhparent = ${literal(target)}::pg_catalog.regclass ORDER BY inhrelid LIMIT 1;
    EXIT WHEN child IS NULL;
    PERFORM pg_catalog.set_config('lock_timeout', '50ms', true);
    BEGIN
      LOCK TABLE ${target} IN EXCLUSIVE MODE;
      has_lock := true;
    EXCEPTION WHEN lock_not_available THEN
      has_lock := false;
    END;
    IF has_lock THEN
      began := pg_catalog.clock_timestamp();
      PERFORM pg_catalog.set_config(${literal(quietSetting)}, 'on', true);
      EXECUTE pg_catalog.format(
        'WITH moved AS (
           DELETE FROM ONLY %1$s WHERE ctid = ANY (ARRAY(SELECT ctid FROM ONLY %1$s LIMIT $1)) RETURNING *)
         INSERT INTO ${target.replaceAll("'", "''").replaceAll('%', '%%')} (${list.replaceAll("'", "''").replaceAll('%', '%%')}) OVERRIDING SYSTEM VALUE
         SELECT ${list.replaceAll("'", "''").replaceAll('%', '%%')} FROM moved', child) USING pages * 50;
      GET DIAGNOSTICS moved = ROW_COUNT;
      IF moved = 0 THEN
        BEGIN
          EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', child);
          EXECUTE pg_catalog.format('ALTER TABLE %s NO INHERIT ${target.replaceAll("'", "''").replaceAll('%', '%%')}', child);
          EXECUTE pg_catalog.format('DROP TABLE %s', child);
        EXCEPTION WHEN lock_not_available THEN
          -- Somebody reads it: once more, a little later.
          NULL;
        END;
      END IF;
      COMMIT;
      spent := extract(epoch FROM pg_catalog.clock_timestamp() - began);
      pages := greatest(1, least(1000, CASE WHEN spent < 0.015 THEN pages * 2 WHEN spent > 0.045 THEN pages / 2 ELSE pages END));
      PERFORM pg_catalog.pg_sleep(least(spent, 0.1));
    ELSE
      COMMIT;
      PERFORM pg_catalog.pg_sleep(0.02 + 0.05 * random());
    END IF;
    COMMIT;
  END LOOP;
${triggers.map((each) => `  ${each};`).join('\n')}
${restoreKeys(subject)}  COMMIT;
END
$take_back$`
}

/** Triggers that a moved row would fire; they are quiet on the way back. */
export function noisy({ table }: Subject): Subject['table']['triggers'] {
  return table.triggers.filter(({ events }) => events.includes('INSERT') || events.includes('DELETE'))
}

/** While the rows are on two tables, triggers stand in for the foreign keys; the keys take over in one transaction. */
function restoreKeys({ children, functions, table }: Subject): string {
  if (children.length === 0) return ''
  const added = children.map(({ key }) => {
    const alter = `ALTER TABLE ${qualified(key.table)}`
    return [
      `    ${alter} ADD CONSTRAINT ${quote(key.name)} ${key.definition} NOT VALID;`,
      ...commentOn(`CONSTRAINT ${quote(key.name)} ON ${qualified(key.table)}`, key.comment).map(
        (statement) => `    ${statement};`,
      ),
    ].join('\n')
  })
  const validated = children.map(
    ({ key }) => `  ALTER TABLE ${qualified(key.table)} VALIDATE CONSTRAINT ${quote(key.name)};\n  COMMIT;`,
  )
  return `  COMMIT;
  IF pg_catalog.to_regprocedure(${literal(`${quote(helperSchema)}.${quote(functions.keepChildren)}()`)}) IS NOT NULL THEN
    LOCK TABLE ${[qualified(table), ...new Set(children.map(({ key }) => qualified(key.table)))].join(', ')} IN ACCESS EXCLUSIVE MODE;
${added.join('\n')}
    -- The keys themselves keep the children from now on.
    DROP FUNCTION ${quote(helperSchema)}.${quote(functions.keepChildren)}() CASCADE;
  END IF;
  COMMIT;
${validated.join('\n')}
`
}
