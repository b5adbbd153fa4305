import { dollarQuote } from '../postgres/dollarQuote.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import { commentOn } from '../operations/comment.ts'
import { lockPolitely } from './lockPolitely.ts'
import { literal } from './remake.ts'
import type { Subject } from './subject.ts'
import { helperSchema } from './subject.ts'
import { createTriggers, quietSetting } from './triggers.ts'
import { waitForReplicas } from './waitForReplicas.ts'

/**
 * The procedure of the way back. The table has its former shape again, and the former partitions are its children by
 * inheritance, so that clients see all rows. It moves their rows into the table. Each batch excludes writers, for some
 * 30 ms: a writer that waited for a row would find it gone. It waits where a replica is behind. Then it puts foreign keys and triggers back. It may be ended
 * anywhere and called again.
 */
export async function takeBackProcedure(subject: Subject): Promise<string> {
  const { table, functions } = subject
  const target = qualified(table)
  const columns = table.columns.filter(({ generated }) => generated === '').map(({ name }) => quote(name))
  const list = columns.join(', ')
  const triggers = await createTriggers(table, noisy(subject), { replaces: true })
  const inFormat = (text: string) => text.replaceAll("'", "''").replaceAll('%', '%%')
  return `CREATE PROCEDURE ${quote(helperSchema)}.${quote(functions.takeBack)}() LANGUAGE plpgsql AS ${dollarQuote(`
DECLARE
  child pg_catalog.regclass;
  last pg_catalog.regclass;
  page bigint;
  pages bigint := 1;
  began timestamptz;
  spent double precision;
  has_rows boolean;
  attempt integer := 0;
  is_behind boolean;
  share double precision;
  looked timestamptz;
BEGIN
  LOOP
${indent(waitForReplicas, 4)};
    SELECT inhrelid::pg_catalog.regclass INTO child FROM pg_catalog.pg_inherits
    WHERE inhparent = ${literal(target)}::pg_catalog.regclass ORDER BY inhrelid LIMIT 1;
    EXIT WHEN child IS NULL;
    IF child IS DISTINCT FROM last THEN
      last := child;
      page := 0;
      attempt := 0;
    END IF;
    IF page * pg_catalog.current_setting('block_size')::bigint < pg_catalog.pg_relation_size(child) THEN
${indent(lockPolitely({ tables: [target], mode: 'EXCLUSIVE' }), 6)};
      began := pg_catalog.clock_timestamp();
      PERFORM pg_catalog.set_config(${literal(quietSetting)}, 'on', true);
      EXECUTE pg_catalog.format(
        'WITH moved AS (DELETE FROM ONLY %s WHERE ctid >= $1 AND ctid < $2 RETURNING *)
         INSERT INTO ${inFormat(target)} (${inFormat(list)}) OVERRIDING SYSTEM VALUE SELECT ${inFormat(list)} FROM moved', child)
        USING pg_catalog.format('(%s,0)', page)::pg_catalog.tid, pg_catalog.format('(%s,0)', page + pages)::pg_catalog.tid;
      COMMIT;
      page := page + pages;
      spent := extract(epoch FROM pg_catalog.clock_timestamp() - began);
      pages := CASE WHEN spent < 0.015 THEN least(pages * 2, 1000) WHEN spent > 0.04 THEN greatest(pages / 2, 1) ELSE pages END;
      PERFORM pg_catalog.pg_sleep(least(spent, 0.1));
    ELSE
      -- Nobody inserts here any more: once it is seen empty, it stays so.
      EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM ONLY %s)', child) INTO has_rows;
      IF has_rows THEN
        page := 0;
      ELSE
        attempt := attempt + 1;
        BEGIN
          -- Its foreign keys have triggers on other tables, which others may hold: as good as wait for nobody.
          PERFORM pg_catalog.set_config('lock_timeout', CASE WHEN attempt % 500 = 0 THEN '40ms' ELSE '1ms' END, true);
          EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', child);
          PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);
          EXECUTE pg_catalog.format('ALTER TABLE %s NO INHERIT ${inFormat(target)}', child);
          EXECUTE pg_catalog.format('DROP TABLE %s', child);
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
          PERFORM pg_catalog.pg_sleep(0.001 + 0.003 * pg_catalog.random());
        END;
      END IF;
    END IF;
    COMMIT;
  END LOOP;
${restore(subject, triggers)}END
`)}`
}

/** Triggers that a moved row would fire; they are quiet on the way back. */
export function noisy({ table }: Subject): Subject['table']['triggers'] {
  return table.triggers.filter(({ events }) => events.includes('INSERT') || events.includes('DELETE'))
}

/**
 * While the rows are on two tables, triggers stand in for the foreign keys, and those of the team are quiet for what moves.
 * Both take over again in one transaction.
 */
function restore({ children, functions, table }: Subject, triggers: readonly string[]): string {
  const keep = `${quote(helperSchema)}.${quote(functions.keepChildren)}()`
  const added = children.flatMap(({ key }) => [
    `ALTER TABLE ${qualified(key.table)} ADD CONSTRAINT ${quote(key.name)} ${key.definition} NOT VALID`,
    ...commentOn(`CONSTRAINT ${quote(key.name)} ON ${qualified(key.table)}`, key.comment),
  ])
  const validated = children.flatMap(({ key }) => [
    `ALTER TABLE ${qualified(key.table)} VALIDATE CONSTRAINT ${quote(key.name)}`,
    'COMMIT',
  ])
  if (children.length === 0 && triggers.length === 0) return ''
  const tables = [qualified(table), ...new Set(children.map(({ key }) => qualified(key.table)))]
  const lock = lockPolitely({ tables, mode: children.length > 0 ? 'ACCESS EXCLUSIVE' : 'EXCLUSIVE' })
  const keys =
    children.length === 0
      ? ''
      : `  -- It is there if the table was partitioned.
  IF pg_catalog.to_regprocedure(${literal(keep)}) IS NOT NULL THEN
${added.map((each) => `    ${each};`).join('\n')}
    DROP FUNCTION ${keep} CASCADE;
  END IF;
`
  return `${indent(lock, 2)};
${triggers.map((each) => `  ${each};\n`).join('')}${keys}  COMMIT;
${validated.map((each) => `  ${each};\n`).join('')}`
}

function indent(text: string, by: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(by))
}
