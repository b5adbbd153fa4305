import { alterPolicies } from '../operations/alterPolicies.ts'
import type { Operation, PolicyAlteration } from '../operations/operation.ts'
import { display } from '../postgres/identifiers.ts'

/** An operation without the alterations that wait for others, and why each of these is left, by its policy. */
export interface WithoutWaiting {
  /** Undefined where nothing is left of it. */
  operation: Operation | undefined
  left: Map<string, string>
}

/** The tables whose policies these operations alter. */
export function tablesAltered(operations: Operation[]): Set<string> {
  return new Set(
    operations.flatMap(({ altersPolicies }) => (altersPolicies ? display(altersPolicies.table) : [])),
  )
}

/**
 * Leaves out the alterations that are only faster once the policies of another table are rewritten, where nobody
 * rewrites these: they are ignored, of another schema, or refused.
 *
 * @param altered tables whose policies are rewritten in this run or by a pending migration
 */
export function withoutWaiting(operation: Operation, altered: ReadonlySet<string>): WithoutWaiting {
  const parts = operation.altersPolicies
  const left = new Map<string, string>()
  for (const alteration of parts?.alterations ?? []) {
    const missing = waitsFor(alteration, altered)
    if (missing === undefined) continue
    left.set(
      alteration.policy,
      `the policies of ${missing}, which it reads, run code for every row: rewrite those first`,
    )
  }
  if (!parts || left.size === 0) return { operation, left }
  const alterations = parts.alterations.filter(({ policy }) => !left.has(policy))
  return { operation: alterations.length === 0 ? undefined : alterPolicies({ ...parts, alterations }), left }
}

function waitsFor({ follows = [] }: PolicyAlteration, altered: ReadonlySet<string>): string | undefined {
  return follows.map(display).find((table) => !altered.has(table))
}
