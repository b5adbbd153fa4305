import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import type { IndexToCreate } from '../../operations/createIndex.ts'
import { createIndex } from '../../operations/createIndex.ts'
import type { PolicyIndex } from '../../policies/rewrite/policyIndexes.ts'
import { showKey } from '../../policies/rewrite/policyIndexes.ts'
import { runbook } from '../remedies.ts'
import type { Remedy } from '../rule.ts'

/** A table of fewer rows fits into a few pages, which PostgreSQL reads whether there is an index or not. */
const fewRows = 1_000

/**
 * What to do about a column that policies compare and no index leads on: an index, or why there is none.
 *
 * @param takenNames of the table's schema; the index's own is added
 */
export function policyIndexRemedy(index: PolicyIndex, takenNames: Set<string>): Remedy {
  const { table, useless } = index
  const policies = policyNames(index)
  if (useless !== undefined) return { kind: 'none', title: `An index would not be used: ${useless}.` }
  if (table.estimatedRows !== null && table.estimatedRows < fewRows && table.kind === 'r') {
    return {
      kind: 'none',
      title: `About ${Math.round(table.estimatedRows)} rows are read as fast without an index; look again when there are more than ${fewRows}.`,
    }
  }
  if (!table.isOurs) {
    return runbook(
      `Only the owner of ${display(table)}, ${displayIdentifier(table.owner)}, may index it`,
      `As ${displayIdentifier(table.owner)}: CREATE INDEX CONCURRENTLY ON ${qualified(table)} ${usingOf(index)}(${index.key});`,
    )
  }
  if (table.kind === 'p') return partitionedRunbook(index)
  const operation = createIndex({
    table: { schema: table.schema, name: table.name },
    on: keyOf(index),
    takenNames,
    rule: 'unindexed_policy_column',
    why:
      `${listPolicies(policies)} compare${policies.length === 1 ? 's' : ''} ${showKey(index)} with the caller. Without an index ` +
      `every query on ${display(table)} reads all of its ` +
      `${table.estimatedRows === null ? '' : `about ${Math.round(table.estimatedRows)} `}rows to find the few that are let through.`,
  })
  return { kind: 'migration', title: `Index ${showKey(index)} of ${display(table)}`, operation }
}

function keyOf(index: PolicyIndex): IndexToCreate['on'] {
  const { column, key, method } = index
  if (column === undefined) return { expression: key }
  return method === 'gin' ? { definition: `${usingOf(index)}(${key})`, words: [column] } : [column]
}

function usingOf({ method }: PolicyIndex): string {
  return method === 'gin' ? 'USING gin ' : ''
}

/** An index cannot be built concurrently on the parent, and the list of partitions changes from month to month. */
function partitionedRunbook(index: PolicyIndex): Remedy {
  const { table, key } = index
  const using = usingOf(index)
  return runbook(
    `Index ${key} on every partition of ${display(table)}, then on the table itself`,
    `CREATE INDEX ON ONLY ${qualified(table)} ${using}(${key}); -- invalid until every partition has its own`,
    `For each partition: CREATE INDEX CONCURRENTLY ON partition ${using}(${key});`,
    'For each partition: ALTER INDEX index_of_the_table ATTACH PARTITION index_of_the_partition;',
  )
}

/** Each policy, with its table if that is another one. */
export function policyNames({ table, policies }: PolicyIndex): string[] {
  return policies.map((policy) =>
    policy.table.oid === table.oid
      ? displayIdentifier(policy.name)
      : `${displayIdentifier(policy.name)} of ${display(policy.table)}`,
  )
}

/** `policy a, policy b, policy c and 2 more`. */
export function listPolicies(names: string[]): string {
  const shown = names.slice(0, 3).map((name) => `policy ${name}`)
  const more = names.length - shown.length
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '')
}
