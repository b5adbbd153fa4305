import { functionExists, functionIsAbsent } from '../conditions/functions.ts'
import type { Operation } from '../operations/operation.ts'
import { condition, work } from '../operations/operation.ts'
import { operationTitle } from '../operations/titles.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import { lockPolitely, politely } from './lockPolitely.ts'
import { literal } from './remake.ts'
import type { ChildKey, Subject } from './subject.ts'
import { helperSchema } from './subject.ts'
import { keysToPartitions } from './swap.ts'
import { validateLeft } from './validateLeft.ts'

/**
 * A procedure that drops the partitions all of whose rows are older than a time, each in a transaction of its own. It
 * drops nothing unless somebody calls or schedules it; its default is the retention that was declared, for `maintain daily`.
 *
 * ```sql
 * CALL private.drop_partitions_of_bookings();
 * CALL private.drop_partitions_of_bookings('36 months');
 * ```
 *
 * @param before the table that it was, which has the dropped rows too as long as it is kept, and its primary key
 */
export function dropPartitions(subject: Subject, retention: string, before?: Before): Operation {
  const { table, key, functions } = subject
  const identity = { schema: helperSchema, name: functions.dropPartitions, args: 'IN older_than interval' }
  const signature = `${quote(helperSchema)}.${quote(functions.dropPartitions)}(interval)`
  return {
    ...work('partitionTable', 'drop', table.schema, table.name, key),
    on: [table.schema, table.name],
    title: operationTitle('drop', 'old', 'partitions', 'of', table.name),
    rule: 'partition_candidate',
    why:
      `Rows of ${display(table)} are kept for ${retention}. This procedure drops the partitions that are older, which takes ` +
      'a moment, where DELETE takes long and leaves dead rows. Dropped rows cannot come back, not by `down` either. ' +
      'It drops nothing unless somebody calls or schedules it, as `maintain daily` does.',
    up: [bodyOf(subject, retention, before), `REVOKE ALL ON PROCEDURE ${signature} FROM PUBLIC`],
    // A call that was cut off may have left them.
    down: [...subject.children.map(dropGuard), `DROP PROCEDURE ${signature}`],
    before: [condition(functionIsAbsent, identity)],
    after: [condition(functionExists, identity)],
  }
}

export interface Before {
  name: RelationName
  primaryKey: readonly string[]
}

/**
 * DETACH CONCURRENTLY is impossible beside a default partition, so each is detached with a lock that waits for nobody.
 *
 * With foreign keys to the table, DETACH would look through the referencing tables while it holds the lock. So a CHECK on
 * these, validated while everybody works, shows that no row points there and none will. Then the keys are taken off for the
 * moment of the DETACH, come back NOT VALID, and are validated at the end.
 */
function bodyOf(subject: Subject, retention: string, before: Before | undefined): string {
  const { table, functions, children } = subject
  const parent = qualified(table)
  const tables = [parent, ...new Set(children.map(({ key: foreign }) => qualified(foreign.table)))]
  const take = children.map(
    ({ key: foreign }) => `ALTER TABLE ${qualified(foreign.table)} DROP CONSTRAINT ${quote(foreign.name)};\n`,
  )
  const giveBack = [...keysToPartitions(subject), ...children.map(dropGuard)].map((each) => `${each};\n`)
  return `CREATE PROCEDURE ${quote(helperSchema)}.${quote(functions.dropPartitions)}(older_than interval DEFAULT ${literal(retention)}) LANGUAGE plpgsql AS $drop$
DECLARE
  leaf text;
  low text;
  until text;
  is_referenced boolean;
${before ? '  bound text;\n  page bigint;\n' : ''}BEGIN
  IF older_than IS NULL OR older_than <= interval '0' THEN
    RAISE EXCEPTION 'give a positive interval, such as 24 months';
  END IF;
  LOOP
${before ? dropFromBefore(subject, before) : ''}    -- Bounds without a zone are of UTC.
    ${atHome}
    leaf := NULL;
    -- The default partition has no end, and the history has one as every other.
    SELECT old.name, old.low, old.until INTO leaf, low, until FROM (
      SELECT class.oid::pg_catalog.regclass::text AS name,
        (pg_catalog.regexp_match(bound.text, 'FROM \\(''([^'']+)''\\)'))[1] AS low,
        (pg_catalog.regexp_match(bound.text, 'TO \\(''([^'']+)''\\)$'))[1] AS until
      FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid,
        pg_catalog.pg_get_expr(class.relpartbound, class.oid) bound (text)
      WHERE inhparent = ${literal(parent)}::pg_catalog.regclass
    ) old WHERE old.until::timestamptz <= pg_catalog.now() - older_than ORDER BY old.until::timestamptz LIMIT 1;
    EXIT WHEN leaf IS NULL;
${children.map((_, at) => refuseReferenced(subject, children.slice(0, at + 1))).join('')}${lockPolitely({ tables, mode: 'ACCESS EXCLUSIVE' })};
${take.join('')}    EXECUTE pg_catalog.format(${literal(`ALTER TABLE ${inFormat(parent)} DETACH PARTITION %s`)}, leaf);
    EXECUTE pg_catalog.format('DROP TABLE %s', leaf);
${giveBack.join('')}    COMMIT;
    RAISE NOTICE 'dropped %', leaf;
  END LOOP;
${validateLeft(subject, '  COMMIT;\n')}END
$drop$`
}

const atHome = `PERFORM pg_catalog.set_config('timezone', 'UTC', true), pg_catalog.set_config('search_path', '', true);`

/** Raises an error if a row of the last of these points to the partition; else none will, once this has run. */
function refuseReferenced({ key, keyType }: Subject, guarded: readonly ChildKey[]): string {
  const child = guarded.at(-1)
  if (!child) return ''
  const { key: foreign, column, guard } = child
  const on = qualified(foreign.table)
  const own = [...foreign.columns, column]
  const referenced = [...foreign.referenced, key]
  const joins = own.map((each, at) => `child.${quote(each)} = row.${quote(referenced[at] ?? '')}`)
  const exists = `SELECT EXISTS (SELECT FROM ONLY %s row JOIN ${inFormat(`${on} child ON ${joins.join(' AND ')}`)})`
  const message = literal(` has rows that foreign key ${quote(foreign.name)} of ${on} points to`)
  const add = `ALTER TABLE ${inFormat(on)} ADD CONSTRAINT ${inFormat(quote(guard))} CHECK (${inFormat(quote(column))} >= %L::${keyType}%s) NOT VALID`
  const below = ` OR ${inFormat(quote(column))} < %L::${keyType}`
  return `    EXECUTE pg_catalog.format(${literal(exists)}, leaf) INTO is_referenced;
    IF NOT is_referenced THEN
${lockPolitely({ tables: [on], mode: 'ACCESS EXCLUSIVE' })};
      -- A call that was cut off may have left one.
      ${dropGuard(child)};
      EXECUTE pg_catalog.format(${literal(add)}, until,
        CASE WHEN low IS NULL THEN '' ELSE pg_catalog.format(${literal(below)}, low) END);
      COMMIT;
      ${atHome}
      BEGIN
        ALTER TABLE ${on} VALIDATE CONSTRAINT ${quote(guard)};
      EXCEPTION WHEN check_violation THEN
        is_referenced := true;
      END;
    END IF;
    IF is_referenced THEN
${guarded.map(dropGuardPolitely).join('')}      COMMIT;
      RAISE foreign_key_violation USING MESSAGE = leaf || ${message},
        HINT = 'Delete the rows that point there first, or keep the partition.';
    END IF;
    COMMIT;
    ${atHome}
`
}

function dropGuardPolitely(child: ChildKey): string {
  return `      IF EXISTS (SELECT FROM pg_catalog.pg_constraint
        WHERE conrelid = ${literal(qualified(child.key.table))}::pg_catalog.regclass AND conname = ${literal(child.guard)}) THEN
${politely(`${dropGuard(child)};`)};
      END IF;
`
}

/** Takes the CHECK off a referencing table that keeps its rows from pointing to a partition that goes. */
export function dropGuard({ key: { table }, guard }: ChildKey): string {
  return `ALTER TABLE ${qualified(table)} DROP CONSTRAINT IF EXISTS ${quote(guard)}`
}

function inFormat(text: string): string {
  return text.replaceAll('%', '%%')
}
/**
 * A dropped partition fires no trigger, so its rows are still in the table that it was: `down` would bring them back. They
 * are deleted there too, page by page. Rows below all partitions may still be in the default one.
 */
function dropFromBefore({ table, key, keyType }: Subject, { name, primaryKey }: Before): string {
  const old = qualified(name)
  const isSame = [...new Set([...primaryKey, key])]
    .map((column) => `row.${quote(column)} = old.${quote(column)}`)
    .join(' AND ')
  const pages = 200
  return `    PERFORM pg_catalog.set_config('timezone', 'UTC', true), pg_catalog.set_config('search_path', '', true);
    SELECT pg_catalog.min((pg_catalog.regexp_match(
      pg_catalog.pg_get_expr(class.relpartbound, class.oid), 'FROM \\(''([^'']+)''\\)'))[1]) INTO bound
    FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class class ON class.oid = inhrelid
    WHERE inhparent = ${literal(qualified(table))}::pg_catalog.regclass;
    page := 0;
    WHILE page * pg_catalog.current_setting('block_size')::bigint < coalesce(pg_catalog.pg_relation_size(pg_catalog.to_regclass(${literal(old)})), 0) LOOP
      PERFORM pg_catalog.set_config('timezone', 'UTC', true), pg_catalog.set_config('search_path', '', true);
      DELETE FROM ${old} old
      WHERE ctid >= pg_catalog.format('(%s,0)', page)::pg_catalog.tid AND ctid < pg_catalog.format('(%s,0)', page + ${pages})::pg_catalog.tid
        AND old.${quote(key)} < bound::${keyType}
        AND NOT EXISTS (SELECT FROM ${qualified(table)} row WHERE ${isSame});
      COMMIT;
      page := page + ${pages};
    END LOOP;
`
}
