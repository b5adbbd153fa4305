import type { ForeignKeyColumn, ForeignKeyDetails } from '../../catalog/foreignKeyDetails.ts'
import { listForeignKeyDetails } from '../../catalog/foreignKeyDetails.ts'
import { listNullChecks } from '../../catalog/nullChecks.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { groupBy } from '../../groupBy.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { measured, runbook } from '../remedies.ts'
import type { Remedy, Rule } from '../rule.ts'

/**
 * Foreign keys of several columns that are MATCH SIMPLE, as they are by default, and have a column that may be NULL. A
 * row with one NULL is not checked at all: its other columns may name what does not exist.
 *
 * ```sql
 * FOREIGN KEY (org_id, user_id) REFERENCES members             -- before: (7, NULL) passes, whatever org 7 is
 * FOREIGN KEY (org_id, user_id) REFERENCES members MATCH FULL  -- after: all of them are NULL or none is
 * ```
 *
 * Two columns that may be NULL are a warning, since a row can have half of a reference. One alone is how an optional
 * reference within a tenant is written: it is a note, and none where another foreign key checks the other columns. A
 * CHECK on which of the columns are NULL settles it too.
 */
export const nullableForeignKey: Rule = {
  name: 'nullable_foreign_key',
  finds: 'foreign keys of several columns that do not check a row with a NULL in one of them',
  cure: 'MATCH FULL, NOT NULL, or a key of its own for the other columns',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const keys = (await context.read(listForeignKeyDetails)).filter(
      ({ table, isExtensionOwned, isEnforced }) => wanted(table.schema) && !isExtensionOwned && isEnforced,
    )
    const ofTable = groupBy(keys, ({ tableOid }) => tableOid)
    const checks = await context.read(listNullChecks)
    return keys.flatMap((key) => {
      if (key.columns.length < 2 || key.match === 'FULL') return []
      const nullable = key.columns.filter(({ notNull }) => !notNull)
      const others = key.columns.filter(({ notNull }) => notNull)
      if (nullable.length === 0) return []
      const isSettled =
        nullable.length === 1
          ? areChecked(others, key, ofTable.get(key.tableOid) ?? [])
          : (checks.get(key.tableOid) ?? []).some((checked) =>
              nullable.every(({ number }) => checked.includes(number)),
            )
      if (isSettled) return []
      return [
        {
          level: nullable.length > 1 ? ('warn' as const) : ('info' as const),
          subject: [key.table.schema, key.table.name, key.name],
          detail:
            `Foreign key ${displayIdentifier(key.name)} of ${display(key.table)} does not check a row in which ` +
            `${listOf(nullable, ' or ')} is NULL: ` +
            (nullable.length > 1
              ? 'it may have half of a reference.'
              : `${listOf(others, ' and ')} may then name what is not in ${display(key.references)}.`),
          evidence: [
            measured('columns', listOf(key.columns, ', ')),
            measured('columns that may be NULL', listOf(nullable, ', ')),
            measured('match', key.match),
          ],
          remedy: cureOf(key, nullable, others),
        },
      ]
    })
  },
}

/** Whether other foreign keys check each of the columns, and always: none of their columns may be NULL. */
function areChecked(
  columns: ForeignKeyColumn[],
  key: ForeignKeyDetails,
  keys: readonly ForeignKeyDetails[],
): boolean {
  const checked = keys
    .filter((other) => other.oid !== key.oid && other.columns.every(({ notNull }) => notNull))
    .flatMap((other) => other.columns.map(({ number }) => number))
  return columns.every(({ number }) => checked.includes(number))
}

function cureOf(key: ForeignKeyDetails, nullable: ForeignKeyColumn[], others: ForeignKeyColumn[]): Remedy {
  const table = qualified(key.table)
  const list = nullable.map(({ name }) => quote(name)).join(', ')
  const isNull = nullable.map(({ name }) => `${quote(name)} IS NULL`).join(' OR ')
  return runbook(
    `Decide what a NULL in ${listOf(nullable, ' or ')} of ${display(key.table)} means`,
    `SELECT count(*) FROM ${table} WHERE ${isNull}; -- the rows that nothing checks`,
    `Where there should be none: SET NOT NULL on ${list}.`,
    ...(others.length === 0
      ? [
          'Where all of them are NULL or none is: add the key again with MATCH FULL and NOT VALID, VALIDATE it, and drop the old one.',
        ]
      : nullable.length > 1
        ? [
            `Where all of these are NULL or none is: ALTER TABLE ${table} ADD CHECK (num_nulls(${list}) IN (0, ${nullable.length})) NOT VALID; and VALIDATE it. MATCH FULL would refuse each NULL, since ${listOf(others, ' and ')} has none.`,
          ]
        : [
            `Where a NULL means "no reference": give ${listOf(others, ' and ')} a foreign key to the table that it names. MATCH FULL would refuse each NULL here.`,
          ]),
  )
}

function listOf(columns: ForeignKeyColumn[], separator: string): string {
  return columns.map(({ name }) => displayIdentifier(name)).join(separator)
}
