import { byTable } from '../../catalog/byTable.ts'
import { differencesOf, tieOf } from '../../catalog/foreignKeyDifferences.ts'
import type { ForeignKeyDetails } from '../../catalog/foreignKeyDetails.ts'
import { defineConstraints, listForeignKeyDetails } from '../../catalog/foreignKeyDetails.ts'
import type { TableIndex } from '../../catalog/indexes.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { groupBy } from '../../groupBy.ts'
import { dropForeignKey } from '../../operations/dropForeignKey.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { measured, migrationOr, runbook } from '../remedies.ts'
import type { Remedy, Rule } from '../rule.ts'

/** A foreign key that another one of the table repeats, and in what the two differ. */
interface Repeated {
  key: ForeignKeyDetails
  kept: ForeignKeyDetails
  differences: string[]
}

/**
 * Foreign keys that tie the same columns to the same columns of the same table. Every insert looks the referenced row
 * up, and locks it, once for each; every delete looks for rows that refer to it once for each.
 *
 * ```sql
 * ALTER TABLE orders ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers;
 * ALTER TABLE orders ADD CONSTRAINT orders_customer_fk FOREIGN KEY (customer_id) REFERENCES customers;  -- before
 * ALTER TABLE orders DROP CONSTRAINT orders_customer_fk;                                                -- after
 * ```
 *
 * Two that differ in what they do when a row is deleted are not harmless: the trigger with the first name acts first,
 * and what it does decides. Names follow the order in which the keys were made, which a restore may change.
 */
export const duplicateForeignKey: Rule = {
  name: 'duplicate_foreign_key',
  finds: 'foreign keys that repeat another one of the table',
  cure: 'dropping the newer one, where both do exactly the same',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const keys = (await context.read(listForeignKeyDetails)).filter(
      ({ table, isExtensionOwned }) => wanted(table.schema) && !isExtensionOwned,
    )
    const found = [...groupBy(keys, tieOf).values()].flatMap(repeatedIn)
    const definitions = await defineConstraints(
      context.db,
      found.flatMap(({ key, kept }) => [key.oid, kept.oid]),
    )
    const unique = (await context.read(listIndexes)).filter(
      ({ isUnique, predicate }) => isUnique && predicate === null,
    )
    const keysOf = byTable(unique)
    return Promise.all(
      found.map(async (repeated) => {
        const { key, kept, differences } = repeated
        return {
          level: 'warn' as const,
          subject: [key.table.schema, key.table.name, key.name],
          detail: detailOf(repeated),
          evidence: [
            measured('definition', definitions.get(key.oid) ?? null),
            measured('definition of the other one', definitions.get(kept.oid) ?? null),
            measured('differences', differences.join(', ') || 'none'),
          ],
          remedy: await cureOf(
            repeated,
            definitions.get(key.oid),
            countKeysAlike(key, keysOf.get(key.referencesOid) ?? []),
          ),
        }
      }),
    )
  },
}

/** Of several that tie the same, a validated one stays, and of those the oldest; each other one is compared with one that does the same. */
function repeatedIn(keys: ForeignKeyDetails[]): Repeated[] {
  const [first, ...others] = keys.toSorted(
    (a, b) => Number(b.isValidated) - Number(a.isValidated) || a.oid - b.oid,
  )
  if (!first) return []
  const kept = [first]
  return others.map((key) => {
    const same = kept.find((each) => differencesOf(key, each).length === 0)
    if (!same) kept.push(key)
    return { key, kept: same ?? first, differences: differencesOf(key, same ?? first) }
  })
}

function detailOf({ key, kept, differences }: Repeated): string {
  const both = `Foreign key ${displayIdentifier(key.name)} of ${display(key.table)} ties the same columns as ${displayIdentifier(kept.name)}`
  if (differences.length === 0) return `${both}, and does the same: every write pays for both.`
  const actions = differences.filter((each) => each.startsWith('ON '))
  if (actions.length === 0) return `${both}, but the two differ in ${differences.join(' and ')}.`
  const winner = firstToAct(key, kept)
  const does = (each: ForeignKeyDetails): string =>
    actions.map((event) => `${event} ${event === 'ON DELETE' ? onDeleteOf(each) : each.onUpdate}`).join(', ')
  return (
    `${both}, but says ${does(key)} where that says ${does(kept)}. Today ${displayIdentifier(winner.name)} decides, ` +
    'since its trigger acts first; after a restore it may be the other one.'
  )
}

/** `SET NULL (customer_id)` where it names the columns that it sets. */
function onDeleteOf({ onDelete, setColumns, columns }: ForeignKeyDetails): string {
  const set = columns.filter(({ number }) => setColumns.includes(number))
  return set.length === 0
    ? onDelete
    : `${onDelete} (${set.map(({ name }) => displayIdentifier(name)).join(', ')})`
}

/** PostgreSQL fires the triggers of a row in the order of their names; those that wait for the end of the transaction come last. */
function firstToAct(one: ForeignKeyDetails, other: ForeignKeyDetails): ForeignKeyDetails {
  if (one.deletesDeferred !== other.deletesDeferred) return one.deletesDeferred ? other : one
  return (one.deleteTrigger ?? '') < (other.deleteTrigger ?? '') ? one : other
}

/** A foreign key depends on one of the unique indexes on its columns; which one a new key takes is PostgreSQL's choice. */
function countKeysAlike({ columns }: ForeignKeyDetails, unique: readonly TableIndex[]): number {
  const wanted = columns.map(({ referencesNumber }) => referencesNumber)
  return unique.filter(
    ({ keys }) => keys.length === wanted.length && keys.every(({ attnum }) => wanted.includes(attnum)),
  ).length
}

function cureOf(
  { key, kept, differences }: Repeated,
  definition: string | undefined,
  keysAlike: number,
): Promise<Remedy> {
  const drop = (name: string): string => `ALTER TABLE ${qualified(key.table)} DROP CONSTRAINT ${quote(name)};`
  const lock = 'locks both tables exclusively, for a moment'
  if (differences.join() === 'VALID') {
    return Promise.resolve(
      runbook(
        `Drop ${displayIdentifier(key.name)} of ${display(key.table)}, which was never validated`,
        `${displayIdentifier(kept.name)} enforces the same, and the old rows were checked against it.`,
        `${drop(key.name)} -- ${lock}`,
      ),
    )
  }
  if (differences.length > 0) {
    return Promise.resolve(
      runbook(
        `Decide which of ${displayIdentifier(key.name)} and ${displayIdentifier(kept.name)} is meant`,
        `They differ in ${differences.join(' and ')}.`,
        `${drop(key.name)} or ${drop(kept.name)} -- ${lock}`,
      ),
    )
  }
  return migrationOr(
    () =>
      dropForeignKey(key, kept, {
        ...{ definition, keysAlike },
        rule: 'duplicate_foreign_key',
        why:
          `Foreign key ${displayIdentifier(key.name)} of ${display(key.table)} does exactly what ` +
          `${displayIdentifier(kept.name)} does, and every write pays for both. Before you merge: check that no client ` +
          'names it, as an embedding of PostgREST may.',
      }),
    (reason) =>
      runbook(
        `Drop ${displayIdentifier(key.name)} of ${display(key.table)}`,
        `There is no migration for it: ${reason}.`,
        `${drop(key.name)} -- ${lock}`,
      ),
  )
}
