import { listSelectReads } from '../../catalog/selectReads.ts'
import type { Database } from '../../postgres/database.ts'
import { displayIdentifier } from '../../postgres/identifiers.ts'
import type { Node } from '../../syntax/nodes.ts'
import { newRecursion } from '../read/recursion.ts'
import type { Policy } from '../../catalog/policies.ts'
import type { Difference } from './report.ts'
import type { Subject } from './subject.ts'

/** What no row shows: that PostgreSQL would not even begin to ask, where it does now. See `newRecursion`. */
export async function findRecursion(
  db: Database,
  subject: Subject,
  after: Policy[],
  trees: Map<string, Node>,
): Promise<Difference[]> {
  const judged = (policies: Policy[]) =>
    policies.map(({ using, check, ...policy }) => ({
      ...policy,
      using: trees.get(using ?? ''),
      check: trees.get(check ?? ''),
    }))
  const name = newRecursion(subject.table, judged(subject.policies), judged(after), await listSelectReads(db))
  const policy = after.find((each) => each.name === name)
  if (!policy) return []
  const roles = policy.roles.length > 0 ? policy.roles.join(', ') : 'PUBLIC'
  return [
    {
      question: `policy ${displayIdentifier(policy.name)}, which reads the table itself`,
      role: roles,
      identity: roles,
      row: 'of any kind',
      effect: 'fails now',
      before: true,
      after: '42P17',
    },
  ]
}
