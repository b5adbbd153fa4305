import { dollarQuote } from '../../postgres/dollarQuote.ts'
import { qualified, quote } from '../../postgres/identifiers.ts'
import { unique } from '../../unique.ts'
import { literal } from '../remake.ts'
import { helperSchema } from '../subject.ts'
import type { CopySubject } from './copySubject.ts'
import { storedColumns } from './copySubject.ts'

/** The functions of both mirrors: from the table to its copy, and after the swap to the table as it was before. */
export function createMirrorFunctions(subject: CopySubject): string[] {
  const { mirror } = subject
  return [
    mirrorFunction(subject, 'toCopy'),
    `REVOKE ALL ON FUNCTION ${routineOf(mirror.toCopy)} FROM PUBLIC`,
    mirrorFunction(subject, 'toBefore'),
    `REVOKE ALL ON FUNCTION ${routineOf(mirror.toBefore)} FROM PUBLIC`,
  ]
}

export function dropMirrorFunctions({ mirror }: Pick<CopySubject, 'mirror'>): string[] {
  return [mirror.toCopy, mirror.toBefore].map((name) => `DROP FUNCTION ${routineOf(name)}`)
}

/** Writes every change of the table into its mirror, in the same transaction; no session can switch it off. */
export function createMirrorTriggers(
  { table, mirror }: Pick<CopySubject, 'table' | 'mirror'>,
  direction: 'toCopy' | 'toBefore',
): string[] {
  const on = qualified(table)
  const run = `EXECUTE FUNCTION ${routineOf(mirror[direction])}`
  return [
    `CREATE TRIGGER ${quote(mirror.trigger)} AFTER INSERT OR UPDATE OR DELETE ON ${on} FOR EACH ROW ${run}`,
    `CREATE TRIGGER ${quote(mirror.truncate)} AFTER TRUNCATE ON ${on} FOR EACH STATEMENT ${run}`,
    ...[mirror.trigger, mirror.truncate].map(
      (name) => `ALTER TABLE ${on} ENABLE ALWAYS TRIGGER ${quote(name)}`,
    ),
  ]
}

export function dropMirrorTriggers({ table, mirror }: Pick<CopySubject, 'table' | 'mirror'>): string[] {
  return [mirror.trigger, mirror.truncate].map((name) => `DROP TRIGGER ${quote(name)} ON ${qualified(table)}`)
}

function routineOf(name: string): string {
  return `${quote(helperSchema)}.${quote(name)}()`
}

/**
 * It writes the row as the table has it now, and not as the change left it: a trigger that fired before may have changed
 * the row again, and its own change was mirrored then. A row is the same if primary key and key are.
 *
 * A transaction in REPEATABLE READ does not see what was copied after it began. So it never takes a row for absent: the
 * attempt to insert it finds it, and ends with a serialization failure.
 */
function mirrorFunction(subject: CopySubject, direction: 'toCopy' | 'toBefore'): string {
  const { table, key, primaryKey, mirror, copy, before, isKeyExact } = subject
  const source = qualified(table)
  const target = qualified(direction === 'toCopy' ? copy : before)
  const id = unique([...primaryKey, key])
  const conflict = direction === 'toCopy' ? id : primaryKey
  const columns = storedColumns(table).map(quote)
  const list = columns.join(', ')
  const isRow = (alias: string, row: 'OLD' | 'NEW') =>
    id.map((column) => `${alias}.${quote(column)} = ${row}.${quote(column)}`).join(' AND ')
  const hasMoved = id
    .map((column) => `OLD.${quote(column)} IS DISTINCT FROM NEW.${quote(column)}`)
    .join(' OR ')
  const settled = conflict.filter((column) => isKeyExact || column !== key).map(quote)
  const others = columns.filter((column) => !settled.includes(column))
  const action =
    others.length === 0
      ? 'NOTHING'
      : `UPDATE SET ${others.map((column) => `${column} = EXCLUDED.${column}`).join(', ')}`
  const remove = `DELETE FROM ${target} target
    WHERE ${isRow('target', 'OLD')} AND NOT EXISTS (SELECT FROM ${source} source WHERE ${isRow('source', 'OLD')});`
  const mayHaveTwins = direction === 'toBefore' && !primaryKey.includes(key)
  const isOverwritten = mayHaveTwins
    ? `
      WHERE target.${quote(key)} = EXCLUDED.${quote(key)} OR NOT EXISTS (
        SELECT FROM ${source} source WHERE ${id.map((column) => `source.${quote(column)} = target.${quote(column)}`).join(' AND ')})`
    : ''
  return `CREATE FUNCTION ${routineOf(mirror[direction])} RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS ${dollarQuote(`
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    TRUNCATE ${target};
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND (${hasMoved})) THEN
    ${remove}
    IF NOT FOUND AND pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
      INSERT INTO ${target} (${list}) OVERRIDING SYSTEM VALUE
        VALUES (${columns.map((column) => `OLD.${column}`).join(', ')}) ON CONFLICT DO NOTHING;
      ${remove.replace('\n', '\n  ')}
    END IF;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO ${target} AS target (${list}) OVERRIDING SYSTEM VALUE
      SELECT ${columns.map((column) => `source.${column}`).join(', ')}
      FROM ${source} source WHERE ${isRow('source', 'NEW')}
      ON CONFLICT (${conflict.map(quote).join(', ')}) DO ${action}${isOverwritten};
${mayHaveTwins ? refuseTwins(subject, isRow('source', 'NEW')) : ''}  END IF;
  RETURN NULL;
END
`)}`
}

/**
 * The table as it was has one row for each primary key. As long as it is kept, so has the new one: what PostgreSQL can no
 * longer enforce by its index is refused here, by the same error.
 */
function refuseTwins({ table, uniques }: CopySubject, isRow: string): string {
  const name = uniques.find(({ constraint }) => constraint.kind === 'p')?.constraint.name ?? ''
  return `    IF NOT FOUND AND EXISTS (SELECT FROM ${qualified(table)} source WHERE ${isRow}) THEN
      RAISE unique_violation USING
        MESSAGE = ${literal(`duplicate key value violates unique constraint "${name}"`)},
        SCHEMA = ${literal(table.schema)}, TABLE = ${literal(table.name)}, CONSTRAINT = ${literal(name)};
    END IF;
`
}
