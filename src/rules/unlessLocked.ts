import { display } from '../postgres/identifiers.ts'
import type { LockedTable } from '../catalog/lockedRelations.ts'
import { listLockedTables } from '../catalog/lockedRelations.ts'
import { shortList } from '../shortList.ts'
import type { Violation } from './rule.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import { CannotSee } from './rule.ts'
import { wantedSchemas } from '../catalog/scope.ts'

/**
 * The findings of a rule about policies, if the policies of every table could be read.
 *
 * @throws CannotSee, with the findings, if a session locks a table that has policies
 */
export async function unlessPoliciesLocked(context: Snapshot, findings: Violation[]): Promise<Violation[]> {
  return leavingOut(context, findings, [], ({ hasPolicies }) => hasPolicies)
}

/**
 * The findings of a rule about indexes or constraints, if those of every table could be read.
 *
 * @throws CannotSee, with the findings, if a session locks a table, or if `hidden` says what else was not seen
 */
export async function unlessLocked(
  context: Snapshot,
  findings: Violation[],
  hidden?: string,
): Promise<Violation[]> {
  return leavingOut(context, findings, hidden === undefined ? [] : [hidden], () => true)
}

async function leavingOut(
  context: Snapshot,
  findings: Violation[],
  hidden: string[],
  concerns: (table: LockedTable) => boolean,
): Promise<Violation[]> {
  const wanted = await wantedSchemas(context)
  const locked = (await context.read(listLockedTables)).filter(
    (table) => wanted(table.schema) && concerns(table),
  )
  const reasons = [
    ...hidden,
    ...(locked.length > 0
      ? [
          `Another session locks ${shortList(locked.map(display))} exclusively; their indexes, constraints and policies were left out.`,
        ]
      : []),
  ]
  if (reasons.length === 0) return findings
  throw new CannotSee(reasons.join(' '), findings)
}
