import { createIndex, indexName } from '../drafts/createIndex.ts'
import { display, displayIdentifier, qualified, quote } from '../db/identifiers.ts'
import type { ForeignKey } from '../introspect/foreignKeys.ts'
import { listForeignKeys } from '../introspect/foreignKeys.ts'
import { listLockedTables } from '../introspect/lockedRelations.ts'
import { listRelationNames, namesBySchema } from '../introspect/relationNames.ts'
import { knownRows, listTableActivity } from '../introspect/tableActivity.ts'
import { listTableIndexes } from '../introspect/tableIndexes.ts'
import { servesForeignKey } from './foreignKeyIndexes.ts'
import { byTable } from './indexCoverage.ts'
import { estimated, measured, migration, runbook } from './remedies.ts'
import type { Finding, Remedy, Rule } from './rule.ts'
import { wantedSchemas } from './scope.ts'
import { unlessLocked } from './unlessLocked.ts'

/** Below this many rows reading the whole table costs no more than looking into an index. */
const smallTable = 10_000

/**
 * Foreign keys whose own columns no index leads on. PostgreSQL indexes the side that is referenced and not the side
 * that refers: each deleted or re-keyed parent row reads the whole child table, and so does every join from the
 * parent to its children.
 *
 * ```sql
 * DELETE FROM customers WHERE id = 7;  -- runs: SELECT 1 FROM ONLY bookings WHERE customer_id = 7 FOR KEY SHARE
 * -- before: Seq Scan on bookings, for every customer deleted
 * CREATE INDEX CONCURRENTLY bookings_customer_id_idx ON bookings (customer_id);
 * -- after: Index Scan using bookings_customer_id_idx
 * ```
 */
export const unindexedForeignKeys: Rule = {
  name: 'unindexed_foreign_keys',
  finds: 'foreign keys whose own columns no index leads on',
  cure: 'an index on the columns',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const keys = await context.read(listForeignKeys)
    const indexes = byTable(await context.read(listTableIndexes))
    const tables = new Map((await context.read(listTableActivity)).map((table) => [table.oid, table]))
    const taken = namesBySchema(await context.read(listRelationNames))

    const locked = new Set((await context.read(listLockedTables)).map(({ oid }) => oid))
    const findings: Finding[] = []
    const cured = new Map<string, Remedy>()
    for (const key of keys) {
      if (!wanted(key.table.schema) || key.isExtensionOwned || locked.has(key.tableOid)) continue
      if (indexes.get(key.tableOid)?.some((index) => servesForeignKey(index, key))) continue
      const table = tables.get(key.tableOid)
      const rows = table ? knownRows(table) : 0
      // Two foreign keys on the same columns want one index.
      const place = `${key.tableOid} ${[...key.columnNumbers].sort((a, b) => a - b).join()}`
      const names = taken.get(key.table.schema) ?? new Set<string>()
      const remedy = cured.get(place) ?? cureOf(key, names)
      cured.set(place, remedy)
      const columns = key.columns.map(displayIdentifier).join(', ')
      findings.push({
        rule: 'unindexed_foreign_keys',
        level: rows < smallTable ? 'info' : 'warn',
        subject: [key.table.schema, key.table.name, key.name],
        detail:
          `No index of ${display(key.table)} leads on (${columns}): deleting a row of ${display(key.references)} ` +
          'reads the whole table.',
        evidence: [
          measured('columns', columns),
          measured('references', display(key.references)),
          estimated('rows', rows),
          ...(table ? [measured('table size', table.sizeBytes, 'bytes')] : []),
        ],
        remedy,
      })
    }
    return unlessLocked(context, findings)
  },
}

function cureOf(key: ForeignKey, taken: Set<string>): Remedy {
  const { table, columns } = key
  if (key.tableKind === 'p') return stepsForPartitions(key, taken)
  const draft = createIndex({
    table,
    columns,
    takenNames: taken,
    rule: 'unindexed_foreign_keys',
    why:
      `The foreign key ${displayIdentifier(key.name)} of ${display(table)} has no index: each row that is deleted ` +
      `from ${display(key.references)}, or gets another key, reads the whole of ${display(table)}, and so do joins ` +
      'from there.',
  })
  taken.add(indexName(table.name, columns, taken))
  return migration(draft)
}

/** A concurrent build knows no partitioned tables: each partition is built alone and attached. */
function stepsForPartitions({ table, columns }: ForeignKey, taken: Set<string>): Remedy {
  const name = indexName(table.name, columns, taken)
  taken.add(name)
  const list = columns.map(quote).join(', ')
  return runbook(
    `Index (${columns.map(displayIdentifier).join(', ')}) of the partitioned table ${display(table)}`,
    `CREATE INDEX ${quote(name)} ON ONLY ${qualified(table)} (${list}); -- instant, and invalid until every partition has its own`,
    `For each partition P: CREATE INDEX CONCURRENTLY P_idx ON P (${list});`,
    `For each partition P: ALTER INDEX ${qualified({ schema: table.schema, name })} ATTACH PARTITION P_idx;`,
    'After the last one the index is valid; new partitions get theirs by themselves.',
  )
}
