import type { ClientBase } from 'pg'
import type { Operation } from '../operations/operation.ts'
import { settlePolicies } from '../policies/proof/settlePolicies.ts'
import type { Finding } from '../rules/rule.ts'
import { keyOf } from '../rules/rule.ts'
import type { RuleName } from '../rules/ruleNames.ts'
import type { WithoutWaiting } from './followers.ts'
import { tablesAltered, withoutWaiting } from './followers.ts'
import type { PendingMigration } from './pendingMigrations.ts'
import { findPending } from './pendingMigrations.ts'

/** A finding for which no migration is written, and why. */
export interface Skipped {
  key: string
  rule: RuleName
  reason: string
}

/** The finding as one for which no migration is written. */
export function skip(finding: Finding, reason: string): Skipped {
  return { key: keyOf(finding), rule: finding.rule, reason }
}

/** What is to be written for which findings. */
export interface Choice {
  /** Each once, in the order in which they have to run. */
  operations: Operation[]
  cures: { finding: Finding; operations: Operation[] }[]
  skipped: Skipped[]
}

/**
 * Turns findings into operations that are ready to be written: several findings may share one, what a pending migration
 * does already is left out, and predicates of policies are replaced by what PostgreSQL prints for them.
 */
export async function chooseOperations(
  client: ClientBase,
  findings: Finding[],
  pending: PendingMigration[],
): Promise<Choice> {
  const skipped: Skipped[] = []
  const leave = (finding: Finding, reason: string) => skipped.push(skip(finding, reason))

  const shared = new Map<string, Operation>()
  const asked: { finding: Finding; operation: Operation }[] = []
  const underWay: Operation[] = []
  for (const finding of findings) {
    const { remedy } = finding
    if (remedy.kind !== 'migration') {
      leave(finding, remedy.title)
      continue
    }
    const work = workOf(remedy.operation)
    const operation = shared.get(work) ?? remedy.operation
    shared.set(work, operation)
    const name = findPending(operation, pending)
    if (name === undefined) asked.push({ finding, operation })
    else {
      underWay.push(operation)
      leave(finding, `the pending migration ${name} does it`)
    }
  }

  const altered = tablesAltered([...asked.map(({ operation }) => operation), ...underWay])
  const ready = new Map<Operation, WithoutWaiting>()
  const wanted: typeof asked = []
  for (const { finding, operation: whole } of asked) {
    const { operation, left } = ready.get(whole) ?? withoutWaiting(whole, altered)
    ready.set(whole, { operation, left })
    const reason = left.get(finding.subject[2] ?? '')
    if (operation && reason === undefined) wanted.push({ finding, operation })
    else leave(finding, `Left as it is: ${reason ?? [...left.values()][0] ?? ''}`)
  }

  const settled = await settlePolicies(client, [...new Set(wanted.map(({ operation }) => operation))])
  const done = tablesAltered([
    ...underWay,
    ...Array.from(settled.values(), (each) => ('operation' in each ? [each.operation] : [])).flat(),
  ])
  const required = new Map<string, Operation>()
  const operations = new Set<Operation>()
  const cures: Choice['cures'] = []
  for (const { finding, operation } of wanted) {
    const result = settled.get(operation)
    const left = result?.left?.get(finding.subject[2] ?? '')
    if (!result || left !== undefined || 'reason' in result) {
      const reason = result && 'reason' in result ? result.reason : 'it could not be settled'
      leave(finding, left === undefined ? reason : `Left as it is: ${left}`)
      continue
    }
    // What it waits for was refused meanwhile.
    const [waiting] = withoutWaiting(result.operation, done).left.values()
    if (waiting !== undefined) {
      leave(finding, `Left as it is: ${waiting}`)
      continue
    }
    const needed = (result.operation.requires ?? []).map((each) => {
      const work = workOf(each)
      const same = required.get(work) ?? shared.get(work) ?? each
      required.set(work, same)
      return same
    })
    const toWrite = [...needed.filter((each) => findPending(each, pending) === undefined), result.operation]
    for (const each of toWrite) operations.add(each)
    cures.push({ finding, operations: toWrite })
  }
  // Operations that others require come first.
  const first = [...required.values()].filter((operation) => operations.has(operation))
  return { operations: [...new Set([...first, ...operations])], cures, skipped }
}

/**
 * A key for what an operation does: operations with the same key are one migration. A foreign key and a policy may need
 * the same index, each for its own reasons. An operation that alters policies may do more or less for another rule.
 */
export function workOf(operation: Operation): string {
  return JSON.stringify(operation.altersPolicies ? operation : operation.ids)
}
