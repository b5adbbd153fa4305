import { display } from '../../postgres/identifiers.ts'
import { showKey } from '../../policies/rewrite/policyIndexes.ts'
import { listPolicies, policyNames } from './policyIndexRemedy.ts'
import type { PlannedIndex } from './policyPlan.ts'
import { planPolicies } from './policyPlan.ts'
import { estimated, measured } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { unlessLocked } from '../unlessLocked.ts'

/**
 * Columns that policies compare with the caller, without an index that leads on them. Every query on the table, even
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
    const { indexes } = await planPolicies(context)
    const wanted = indexes.filter(({ index }) => context.schemas?.includes(index.table.schema) ?? true)
    return unlessLocked(context, wanted.map(toFinding))
  },
}

function toFinding({ index, remedy }: PlannedIndex): Violation {
  const { table, policies } = index
  const names = policyNames(index)
  return {
    level: remedy.kind === 'none' ? 'info' : 'warn',
    subject: [table.schema, table.name, index.column ?? index.key],
    detail: `No index of ${display(table)} leads on ${showKey(index)}, which ${listPolicies(names)} compare${names.length === 1 ? 's' : ''}.`,
    evidence: [
      ...(table.estimatedRows === null ? [] : [estimated('rows', Math.round(table.estimatedRows))]),
      measured('policies', policies.length),
    ],
    remedy,
  }
}
