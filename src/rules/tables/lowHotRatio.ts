import { setStorageParameters } from '../../operations/setStorageParameters.ts'
import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import { listIndexedColumns } from '../../catalog/indexedColumns.ts'
import { listWritingStatements } from '../../catalog/statementTexts.ts'
import type { Table } from '../../catalog/tables.ts'
import { listTables } from '../../catalog/tables.ts'
import { parseOptions } from '../../catalog/relations.ts'
import { shortList } from '../../shortList.ts'
import { updatesIn } from '../../syntax/updatedColumns.ts'
import { estimated, measured, migration, runbook } from '../remedies.ts'
import type { Violation, Remedy, Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'

const enoughUpdates = 10_000
const goodRatio = 0.95
const roomy = '90'

/**
 * Tables whose updates write to every index although they need not. An update that changes no indexed column and
 * finds room on its page (a HOT update) writes to the table alone. Two things prevent it: pages that are full, and
 * an index on what is updated.
 *
 * ```sql
 * UPDATE sessions SET seen_at = now() WHERE id = 7;  -- before: pages are full, every index gets a new entry
 * ALTER TABLE sessions SET (fillfactor = 90);        -- after: a tenth of each newly written page stays free
 * ```
 *
 * The parameter helps only where no index covers the updated columns. pg_stat_statements tells which these are;
 * where it does not, the finding says how to find out, and offers no migration.
 */
export const lowHotRatio: Rule = {
  name: 'low_hot_ratio',
  finds: 'tables whose updates write to every index although they need not',
  cure: '`fillfactor = 90`, or one index less',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const tables = (await context.read(listTables)).filter(
      (table) =>
        wanted(table.schema) &&
        table.kind === 'r' &&
        table.updates >= enoughUpdates &&
        table.updates > table.inserts &&
        table.hotUpdates / table.updates < goodRatio,
    )
    if (tables.length === 0) return []
    const updated = await context.read(readUpdatedColumns)
    const indexed = await context.read(listIndexedColumns)
    return tables.map((table): Violation => {
      const ratio = Math.round((table.hotUpdates / table.updates) * 1000) / 10
      const columns = columnsUpdatedIn(table, updated)
      const known = [...(columns ?? [])]
      const blocking = known.filter((column) => indexed.get(table.oid)?.has(column))
      const detail = `${ratio} % of the updates of ${display(table)} were HOT; the others wrote to every index of it.`
      return {
        level: 'info',
        subject: [table.schema, table.name],
        detail,
        evidence: [
          measured('updates', table.updates),
          measured('HOT updates', table.hotUpdates),
          measured('inserts', table.inserts),
          ...(table.newPageUpdates === null
            ? []
            : [measured('updates that found no room on their page', table.newPageUpdates)]),
          ...(columns
            ? [estimated('updated columns', known.map(displayIdentifier).join(', ') || 'none seen')]
            : []),
          measured('set now', table.options.join(', ') || 'nothing'),
        ],
        remedy: cureOf(table, detail, columns && known, blocking),
      }
    })
  },
}

function cureOf(table: Table, detail: string, columns: string[] | undefined, blocking: string[]): Remedy {
  const current = parseOptions(table.options)
  const name = display(table)
  if (blocking.length > 0) {
    const list = shortList(blocking.map(displayIdentifier))
    return runbook(
      `See whether ${name} needs its indexes on ${list}`,
      `Updates change ${list}, which an index of ${name} covers: such an update is never HOT, whatever room there is.`,
      'An index that no statement needs can go (unused_index); one on a column that every update changes costs the most.',
    )
  }
  if (columns === undefined || columns.length === 0) {
    return runbook(
      `Find out which columns of ${name} are updated`,
      "SELECT calls, query FROM pg_stat_statements WHERE query ILIKE '%update%' ORDER BY calls DESC; -- needs pg_read_all_stats",
      `Where no index covers these columns: ALTER TABLE ${qualified(table)} SET (fillfactor = ${roomy}); else see whether the index is needed.`,
    )
  }
  if (Number(current['fillfactor'] ?? 100) <= Number(roomy)) {
    return runbook(
      `Give the old pages of ${name} room too`,
      `fillfactor is ${current['fillfactor']} already; only pages written since then follow it.`,
      `VACUUM ${qualified(table)}; -- frees room on old pages, over time. VACUUM FULL rewrites them at once, under an exclusive lock.`,
    )
  }
  return migration(
    setStorageParameters({
      table: { schema: table.schema, name: table.name },
      current,
      wanted: { fillfactor: roomy },
      rule: 'low_hot_ratio',
      why:
        `${detail} No index covers what is updated (${shortList(columns.map(displayIdentifier))}), so room on the ` +
        'page is what they lack. Only newly written pages follow the setting; the table grows by about a tenth.',
    }),
  )
}

/** Columns that statements were seen to update, by the table's name, with and without its schema. */
async function readUpdatedColumns(
  db: Parameters<typeof listWritingStatements>[0],
): Promise<Map<string, Set<string>> | undefined> {
  const { texts, areComplete } = await listWritingStatements(db)
  if (!areComplete) return undefined
  const columns = new Map<string, Set<string>>()
  for (const text of texts) {
    for (const { table, columns: updated } of (await updatesIn(text)) ?? []) {
      const key = JSON.stringify([table.schema ?? null, table.name])
      columns.set(key, new Set([...(columns.get(key) ?? []), ...updated]))
    }
  }
  return columns
}

/** A name without a schema may mean any table of that name: its columns count for each. */
function columnsUpdatedIn(
  { schema, name }: Table,
  updated: Map<string, Set<string>> | undefined,
): Set<string> | undefined {
  if (!updated) return undefined
  return new Set([
    ...(updated.get(JSON.stringify([schema, name])) ?? []),
    ...(updated.get(JSON.stringify([null, name])) ?? []),
  ])
}
