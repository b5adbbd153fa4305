import { dollarQuote } from '../postgres/dollarQuote.ts'
import { commentOn } from '../operations/comment.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { fitIdentifier, qualified, quote } from '../postgres/identifiers.ts'
import { detached } from './detached.ts'
import { keepChildren } from './keepChildren.ts'
import { refuseWayBack } from './refuseWayBack.ts'
import { dropRowFunctions, grantAll, literal, pointDependents, republish } from './remake.ts'
import { dropOwnKeys, otherKeys } from './ownKeys.ts'
import { pointDetours } from './detours.ts'
import { returnSequences } from './sequences.ts'
import type { Subject } from './subject.ts'
import { lockAll, rename } from './swap.ts'
import { editIndex, editTrigger } from './editSql.ts'
import { noisy } from './takeBack.ts'
import { createTriggers, dropTriggers, unlessQuiet } from './triggers.ts'

/**
 * Makes the history partition the table again, in one short transaction. The other partitions become its children by
 * inheritance, so that clients go on seeing their rows; a later step moves these. Whatever partitions there are by then.
 */
export async function unpartition(subject: Subject): Promise<string[]> {
  const { table, key } = subject
  const target = qualified(table)
  const partitioned = { schema: table.schema, name: fitIdentifier(table.name, '_partitioned') }
  const quiet = new Set(noisy(subject).map(({ name }) => name))
  const wasNullable = !table.columns.find(({ name }) => name === key)?.notNull
  return [
    lockAll(subject),
    refuseWayBack(subject.table, subject.history),
    ...dropRowFunctions(table),
    ...dropOwnKeys(subject),
    ...otherKeys(subject).map(
      ({ key: foreign }) => `ALTER TABLE ${qualified(foreign.table)} DROP CONSTRAINT ${quote(foreign.name)}`,
    ),
    ...dropTriggers(table, table.triggers),
    detachAll(subject, partitioned),
    ...returnSequences(subject, partitioned),
    ...republish(table.publications, { from: partitioned, to: table }, () => false),
    ...pointDependents(table),
    ...pointDetours(subject),
    `DROP TABLE ${qualified(partitioned)}`,
    ...(await buildMissing(subject)),
    ...takeNamesBack(subject),
    ...(wasNullable ? [`ALTER TABLE ${target} ALTER COLUMN ${quote(key)} DROP NOT NULL`] : []),
    ...(table.rowSecurity ? [] : [`ALTER TABLE ${target} DISABLE ROW LEVEL SECURITY`]),
    ...grantAll(table, table),
    ...(await createTriggers(
      table,
      table.triggers.filter(({ name }) => !quiet.has(name)),
    )),
    ...(await createTriggers(
      table,
      table.triggers.filter(({ name }) => quiet.has(name)),
      { when: unlessQuiet(table) },
    )),
    await inheritAll(subject),
    ...keepChildren(subject),
  ]
}

function detachAll({ table, history }: Subject, partitioned: RelationName): string {
  const target = qualified(table)
  return `DO ${dollarQuote(`
DECLARE
  partitions oid[] := ARRAY(
    SELECT inhrelid FROM pg_catalog.pg_inherits
    WHERE inhparent = ${literal(target)}::pg_catalog.regclass ORDER BY inhrelid);
  child pg_catalog.regclass;
BEGIN
  FOREACH child IN ARRAY partitions LOOP
    EXECUTE pg_catalog.format(${literal(`ALTER TABLE ${target.replaceAll('%', '%%')} DETACH PARTITION %s`)}, child);
  END LOOP;
  PERFORM pg_catalog.set_config('hundredfold.partitions', pg_catalog.array_to_string(
    pg_catalog.array_remove(partitions, ${literal(qualified(history))}::pg_catalog.regclass::oid), ','), true);
  ALTER TABLE ${target} RENAME TO ${quote(partitioned.name)};
  ALTER TABLE ${qualified(history)} RENAME TO ${quote(table.name)};
END
`)}`
}

/** In the place of a partition's name, until the statement runs. */
const placeholder = 'hundredfold_partition'

/** Their triggers went with the partitioned table, so each gets the row triggers that fire for its rows. */
async function inheritAll(subject: Subject): Promise<string> {
  const { table } = subject
  const target = qualified(table)
  const triggers: string[] = []
  for (const trigger of table.triggers) {
    if (!trigger.forEachRow || trigger.enabled === 'D') continue
    if (!trigger.events.includes('UPDATE') && !trigger.events.includes('DELETE')) continue
    const statement = await editTrigger(trigger.definition, { table: placeholder, when: unlessQuiet(table) })
    triggers.push(statement.replaceAll('%', '%%').replace(placeholder, '%s'))
  }
  return `DO ${dollarQuote(`
DECLARE
  child pg_catalog.regclass;
BEGIN
  FOR child IN ${detached} LOOP
    EXECUTE pg_catalog.format(${literal(`ALTER TABLE %s INHERIT ${target.replaceAll('%', '%%')}`)}, child);
${triggers.map((each) => `    EXECUTE pg_catalog.format(${literal(each)}, child);\n`).join('')}  END LOOP;
END
`)}`
}

/** The step before has built them, without a lock. */
async function buildMissing({ table, unique }: Subject): Promise<string[]> {
  const builds: string[] = []
  for (const { index, constraint, restored } of unique) {
    if (constraint.kind !== 'p') continue
    builds.push(await editIndex(index.definition, { name: restored, table, ifMissing: true }))
  }
  return builds
}

function takeNamesBack({ table, renamed, unique }: Subject): string[] {
  const alter = `ALTER TABLE ${qualified(table)}`
  return [
    ...unique.flatMap(({ constraint, prepared, restored }) => [
      `${alter} DROP CONSTRAINT ${quote(prepared)}`,
      ...(constraint.kind === 'p'
        ? [
            `${alter} ADD CONSTRAINT ${quote(constraint.name)} PRIMARY KEY USING INDEX ${quote(restored)}`,
            ...commentOn(`CONSTRAINT ${quote(constraint.name)} ON ${qualified(table)}`, constraint.comment),
          ]
        : []),
    ]),
    ...rename(renamed.constraints, (from, to) => `${alter} RENAME CONSTRAINT ${quote(to)} TO ${quote(from)}`),
    ...rename(
      renamed.indexes,
      (from, to) => `ALTER INDEX ${qualified({ ...table, name: to })} RENAME TO ${quote(from)}`,
    ),
    ...rename(
      renamed.statistics,
      (from, to) => `ALTER STATISTICS ${qualified({ ...table, name: to })} RENAME TO ${quote(from)}`,
    ),
  ]
}
