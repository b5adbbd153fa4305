import type { KeptParts } from '../conditions/wholeTables.ts'
import { tableIsPartitionedBy, tableKeeps } from '../conditions/wholeTables.ts'
import type { Operation } from '../operations/operation.ts'
import { condition, work } from '../operations/operation.ts'
import { operationTitle } from '../operations/titles.ts'
import { display } from '../postgres/identifiers.ts'
import { shortList } from '../shortList.ts'
import { remakeViews } from './remakeViews.ts'
import type { Subject } from './subject.ts'

/**
 * Makes the materialized views of the table again, which read the history partition alone since the swap. `down` makes
 * them read a plain view of the table: so a REFRESH has every row while the table is taken back. The next migration down
 * makes them read the table itself.
 */
export async function materializedViews(subject: Subject, digests: KeptParts): Promise<Operation> {
  const { table, key } = subject
  const name = { schema: table.schema, name: table.name }
  const views = subject.materializedViews.map(({ view }) => display(view))
  return {
    ...work('partitionTable', 'materializedViews', name, key, views),
    on: [table.schema, table.name],
    title: operationTitle('rebuild', 'materialized', 'views', 'of', table.name),
    rule: 'partition_candidate',
    why:
      `A materialized view reads a table by its identity, so ${shortList(views)} would go on reading the history of ` +
      `${display(table)} alone. Each is built beside the one that is there and takes its place in a moment.`,
    up: await remakeViews(subject, 'table'),
    down: await remakeViews(subject, 'detour'),
    before: [condition(tableIsPartitionedBy, name, key)],
    after: [condition(tableKeeps, name, onlyMaterializedViews(digests), key, subject.added)],
    noTransaction: 'Each view is built in a transaction of its own.',
  }
}

function onlyMaterializedViews(digests: KeptParts): KeptParts {
  return { 'materialized views': digests['materialized views'] ?? '' }
}
