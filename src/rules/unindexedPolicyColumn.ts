import { display, displayIdentifier, qualified } from '../db/identifiers.ts'
import { createPolicyIndex } from '../drafts/createPolicyIndex.ts'
import { listRelationNames, namesBySchema } from '../introspect/relationNames.ts'
import { readParsedPolicies } from '../policies/policyRewrites.ts'
import type { PolicyIndex } from '../policies/policyIndexes.ts'
import { findPolicyIndexes, readIndexCatalog, showKey } from '../policies/policyIndexes.ts'
import type { Finding, Remedy, Rule } from './rule.ts'

/** A table of fewer rows fits into a few pages, which PostgreSQL reads whether there is an index or not. */
const fewRows = 1_000

/**
 * Columns that policies compare with who asks, without an index that leads on them. Every query on the table, even
 * one without a WHERE, then reads all rows to find the caller's own.
 *
 * ```sql
 * CREATE POLICY "own notes" ON notes USING (owner_id = (SELECT auth.uid()));
 * -- before: Seq Scan on notes, Filter: (owner_id = (InitPlan 1).col1)
 * CREATE INDEX CONCURRENTLY notes_owner_id_idx ON notes (owner_id);
 * -- after:  Index Scan using notes_owner_id_idx, Index Cond: (owner_id = (InitPlan 1).col1)
 * ```
 */
export const unindexedPolicyColumn: Rule = {
  name: 'unindexed_policy_column',
  finds: 'columns that policies compare and no index leads on',
  cure: 'an index, built concurrently',
  async find(context) {
    const { catalog } = await context.read(readParsedPolicies)
    const names = namesBySchema(await context.read(listRelationNames))
    const found = await findPolicyIndexes(catalog, await context.read(readIndexCatalog))
    return found
      .filter(({ table }) => context.schemas?.includes(table.schema) ?? true)
      .map((index) => toFinding(index, names.get(index.table.schema) ?? new Set()))
  },
}

function toFinding(index: PolicyIndex, takenNames: Set<string>): Finding {
  const { table, policies } = index
  const names = policies.map((policy) =>
    policy.table.oid === table.oid
      ? displayIdentifier(policy.name)
      : `${displayIdentifier(policy.name)} of ${display(policy.table)}`,
  )
  const remedy = remedyFor(index, names, takenNames)
  return {
    rule: 'unindexed_policy_column',
    level: remedy.kind === 'none' ? 'info' : 'warn',
    subject: [table.schema, table.name, index.column ?? index.key],
    detail: `No index of ${display(table)} leads on ${showKey(index)}, which ${list(names)} compare${names.length === 1 ? 's' : ''}.`,
    evidence: [
      ...(table.estimatedRows < 0
        ? []
        : [{ name: 'rows', value: Math.round(table.estimatedRows), kind: 'estimated' as const }]),
      { name: 'policies', value: policies.length, kind: 'measured' },
    ],
    remedy,
  }
}

function remedyFor(index: PolicyIndex, policies: string[], takenNames: Set<string>): Remedy {
  const { table, useless } = index
  if (useless !== undefined) return { kind: 'none', title: `An index would not be used: ${useless}.` }
  if (table.estimatedRows >= 0 && table.estimatedRows < fewRows && table.kind === 'r') {
    return {
      kind: 'none',
      title: `About ${Math.round(table.estimatedRows)} rows are read as fast without an index; look again when there are more than ${fewRows}.`,
    }
  }
  if (!table.isOurs) {
    return {
      kind: 'runbook',
      title: `Only the owner of ${display(table)}, ${displayIdentifier(table.owner)}, may index it`,
      steps: [
        `As ${displayIdentifier(table.owner)}: CREATE INDEX CONCURRENTLY ON ${qualified(table)} (${index.key});`,
      ],
    }
  }
  if (table.kind === 'p') return partitionedRunbook(index)
  const draft = createPolicyIndex({
    table: { schema: table.schema, name: table.name },
    word: index.column ?? wordOf(index.key),
    key: index.key,
    takenNames,
    why:
      `${list(policies)} compare${policies.length === 1 ? 's' : ''} ${showKey(index)} with who asks. Without an index ` +
      `every query on ${display(table)} reads all of its ` +
      `${table.estimatedRows < 0 ? '' : `about ${Math.round(table.estimatedRows)} `}rows to find the few that are let through.`,
  })
  return { kind: 'migration', title: `Index ${showKey(index)} of ${display(table)}`, draft }
}

/** A concurrent build cannot be started on the parent, and which partitions there are changes from month to month. */
function partitionedRunbook({ table, key }: PolicyIndex): Remedy {
  return {
    kind: 'runbook',
    title: `Index ${key} on every partition of ${display(table)}, then on the table itself`,
    steps: [
      `CREATE INDEX ON ONLY ${qualified(table)} (${key}); -- invalid until every partition has its own`,
      `For each partition: CREATE INDEX CONCURRENTLY ON partition (${key});`,
      'For each partition: ALTER INDEX index_of_the_table ATTACH PARTITION index_of_the_partition;',
    ],
  }
}

/** `(lower(email))` -> `lower_email`: letters and digits, as PostgreSQL itself has no name for most expressions. */
function wordOf(key: string): string {
  return key.replaceAll(/[^\p{L}\p{N}_]+/gu, '_').replaceAll(/^_+|_+$/g, '')
}

function list(names: string[]): string {
  const shown = names.slice(0, 3).map((name) => `policy ${name}`)
  const more = names.length - shown.length
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '')
}
