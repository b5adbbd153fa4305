import type { MismatchedColumn } from '../../catalog/foreignKeyTypes.ts'
import { listMismatchedColumns } from '../../catalog/foreignKeyTypes.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { measured, runbook } from '../remedies.ts'
import type { Remedy, Rule } from '../rule.ts'

/** The greatest values of the integer types that are narrower than another one. */
const ends: Record<string, string> = { smallint: '32,767', integer: '2,147,483,647' }

/**
 * Foreign keys whose column has another type than the key that it refers to. An integer that refers to a bigint ends
 * before the key does. Where the two types are not compared by one operator family (integer and numeric, char and text),
 * each check converts the column of every row, so that no index on it can be searched: deleting one referenced row
 * reads the whole table.
 *
 * ```sql
 * CREATE TABLE customers (id bigint PRIMARY KEY);
 * CREATE TABLE orders (customer_id integer REFERENCES customers);  -- before: fails at customer 2,147,483,648
 * CREATE TABLE orders (customer_id bigint REFERENCES customers);   -- after
 * ```
 *
 * varchar and text are one type to the planner, and a length is checked only when a row is written: no finding.
 */
export const foreignKeyTypeMismatch: Rule = {
  name: 'foreign_key_type_mismatch',
  finds: 'foreign keys whose columns have another type than the key that they refer to',
  cure: 'steps that give both one type',
  async find(context) {
    const wanted = await wantedSchemas(context)
    return (await context.read(listMismatchedColumns))
      .filter(({ table, isExtensionOwned }) => wanted(table.schema) && !isExtensionOwned)
      .map((mismatch) => ({
        level: mismatch.isNarrower || !mismatch.indexServes ? ('warn' as const) : ('info' as const),
        subject: [mismatch.table.schema, mismatch.table.name, mismatch.key, mismatch.column],
        detail: detailOf(mismatch),
        evidence: [
          measured('type', mismatch.type),
          measured('type of the key', mismatch.referencedType),
          measured('checks can use an index on the column', mismatch.indexServes),
        ],
        remedy: cureOf(mismatch),
      }))
  },
}

function detailOf(mismatch: MismatchedColumn): string {
  const { table, column, type, references, referencedColumn, referencedType } = mismatch
  const end = ends[type]
  return [
    `${display(table)}.${displayIdentifier(column)} is ${type}, and ` +
      `${display(references)}.${displayIdentifier(referencedColumn)}, which it refers to, is ${referencedType}.`,
    mismatch.isNarrower
      ? end === undefined
        ? 'It cannot hold every value of the key.'
        : `It ends at ${end}: no row can refer to a later key.`
      : '',
    mismatch.indexServes
      ? ''
      : `Each row that is deleted from ${display(references)} reads the whole of ${display(table)}, since no index on the column can be searched for the key.`,
  ]
    .filter(Boolean)
    .join(' ')
}

function cureOf({
  table,
  column,
  type,
  references,
  referencedColumn,
  referencedType,
}: MismatchedColumn): Remedy {
  const name = `${display(table)}.${displayIdentifier(column)}`
  const change = (of: MismatchedColumn['table'], what: string, to: string): string =>
    `ALTER TABLE ${qualified(of)} ALTER COLUMN ${quote(what)} TYPE ${to};`
  return runbook(
    `Give ${name} the type of the key, ${referencedType}`,
    `${change(table, column, referencedType)} -- rewrites the table, builds its indexes again and checks the key, under an exclusive lock: for a small table, or in a quiet hour`,
    'While the application runs: add a column of the new type, fill it by a trigger and in batches, index it, and give it the name in one short transaction, as the steps of sequence_exhaustion say.',
    `Where the key is the one with the wrong type, change that instead: ${change(references, referencedColumn, type)}`,
  )
}
