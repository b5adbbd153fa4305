import {
  findHiddenColumns,
  listColumnStatistics,
  statisticsByColumn,
} from '../../catalog/columnStatistics.ts'
import { knownRows } from '../../catalog/tables.ts'
import type { UuidText } from '../../catalog/uuidTexts.ts'
import { listColumnsMeantForUuids, listColumnsOfUuids } from '../../catalog/uuidTexts.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import { estimated, measured, runbook } from '../remedies.ts'
import type { Rule, Violation } from '../rule.ts'
import { unlessLocked } from '../unlessLocked.ts'
import type { TableColumns } from './columnsOfTypes.ts'
import { columnsOfTypes } from './columnsOfTypes.ts'

/** Bytes of a value: 36 characters and their length, and the type's own. */
const [asText, asUuid] = [37, 16]

const shown: Record<UuidText['shownBy'], string> = {
  values: 'every value that ANALYZE kept',
  default: 'the default',
  check: 'a CHECK',
}

/**
 * Columns of a text type that hold uuids: 37 bytes where the type uuid takes 16, in the table and in each index. With
 * 200,000 rows a primary key took 11.8 MB as text and 6.3 MB as uuid. Text is also compared by the rules of a language,
 * unless the collation is C.
 *
 * ```sql
 * CREATE TABLE sessions (id text PRIMARY KEY DEFAULT gen_random_uuid());  -- before
 * CREATE TABLE sessions (id uuid PRIMARY KEY DEFAULT gen_random_uuid());  -- after
 * ```
 *
 * Reported where the values that ANALYZE kept, the default or a CHECK show it. No value is read out of the server.
 */
export const uuidAsText: Rule = {
  name: 'uuid_as_text',
  finds: 'columns of a text type that hold uuids, in 37 bytes where 16 would do',
  cure: 'the type uuid, in all columns that are compared with each other',
  async find(context) {
    const tables = await columnsOfTypes(context, (type) => /^(text$|character\b)/.test(type))
    const evidence = new Map<string, UuidText['shownBy']>()
    const keyOf = (schema: string, table: string, column: string): string =>
      JSON.stringify([schema, table, column])
    for (const { schema, table, column, shownBy } of [
      ...(await context.read(listColumnsOfUuids)),
      ...(await context.read(listColumnsMeantForUuids)),
    ]) {
      const key = keyOf(schema, table, column)
      if (!evidence.has(key)) evidence.set(key, shownBy)
    }
    const findings: Violation[] = []
    for (const { table, columns } of tables) {
      const found = columns.flatMap((column) => {
        const shownBy = evidence.get(keyOf(table.schema, table.name, column.name))
        return shownBy ? [{ column, shownBy }] : []
      })
      if (found.length === 0) continue
      const names = found.map(({ column }) => displayIdentifier(column.name))
      const rows = knownRows(table)
      const changes = found.map(
        ({ column }) => `ALTER COLUMN ${quote(column.name)} TYPE uuid USING ${quote(column.name)}::uuid`,
      )
      findings.push({
        level: 'info',
        infoBecause: 'on tables that the change would rewrite',
        subject: [table.schema, table.name],
        detail: `${display(table)} has uuids in ${shortList(names)} as text: ${asText} bytes each where ${asUuid} would do, and as much in each index.`,
        evidence: [
          ...found.map(({ shownBy }, at) => measured(`${names[at] ?? ''} is shown by`, shown[shownBy])),
          estimated('rows', rows),
          estimated(
            'bytes that uuid would spare in the table',
            rows * found.length * (asText - asUuid),
            'bytes',
          ),
        ],
        remedy: runbook(
          `See whether ${shortList(names)} of ${display(table)} can be uuid`,
          'A foreign key and the key that it refers to need one type: change both sides in one transaction. So do columns that statements join.',
          `ALTER TABLE ${qualified(table)} ${changes.join(', ')}; -- rewrites the table and builds its indexes again under an exclusive lock. It fails at the first value that is no uuid, and at a default of type text: drop that first`,
          'While the application runs: add a column of the new type, fill it by a trigger and in batches, index it, and rename the two in one short transaction.',
          'Clients get the same text as before, in small letters.',
        ),
      })
    }
    return unlessLocked(context, findings, await hiddenIn(context, tables, evidence, keyOf))
  },
}

/** Says of which tables nothing is known since the role may not read their statistics. */
async function hiddenIn(
  context: Parameters<Rule['find']>[0],
  tables: TableColumns[],
  evidence: ReadonlyMap<string, unknown>,
  keyOf: (schema: string, table: string, column: string) => string,
): Promise<string | undefined> {
  const statisticsOf = statisticsByColumn(await context.read(listColumnStatistics))
  const unknown = tables.flatMap(({ table, columns }) =>
    columns
      .filter(
        ({ name }) =>
          table.kind === 'r' &&
          !evidence.has(keyOf(table.schema, table.name, name)) &&
          statisticsOf(table.schema, table.name, name) === undefined,
      )
      .map(({ number }) => ({ table, number })),
  )
  const hidden = await findHiddenColumns(
    context.db,
    unknown.map(({ table, number }) => ({ tableOid: table.oid, number })),
  )
  const names = unknown.filter((_, at) => hidden[at]).map(({ table }) => display(table))
  if (names.length === 0) return undefined
  return `The statistics of ${shortList([...new Set(names)])} are hidden from this role; SELECT on them shows these.`
}
