import { displayIdentifier } from '../../postgres/identifiers.ts'
import type { EndRole } from '../../catalog/roles.ts'
import type { Policy, PolicyCommand } from '../../catalog/policies.ts'
import type { CheckedCommand } from './effective.ts'
import { checkedCommands, passesTogether, predicateFor } from './effective.ts'
import type { Outcome } from './evaluate.ts'

/** What one predicate says of the row at hand; undefined where it was not asked. */
export type Ask = (predicate: string) => Outcome

/** Something that must have the same answer before and after. */
export interface Question {
  /** `policy "own rows", USING`, or `UPDATE`. */
  label: string
  /** The policy whose predicate is asked; undefined where all of them are asked together. */
  policy?: string
  /** Whether a role meets what is asked. */
  concerns(role: EndRole): boolean
  /** The predicates that the answer needs for that role. */
  predicates(role: EndRole): string[]
  before(role: EndRole, ask: Ask): Outcome
  after(role: EndRole, ask: Ask): Outcome
}

/**
 * Where each policy stays and only its predicates change, each predicate is compared by itself: other policies
 * then hide no difference. Where a policy goes, or its roles change, only all policies together can be compared.
 */
export function questionsFor(before: Policy[], after: Policy[]): Question[] {
  const staysAlone =
    before.length === after.length &&
    before.every((policy) => after.some((each) => each.name === policy.name && sameRoles(each, policy)))
  return staysAlone ? predicateQuestions(before, after) : commandQuestions(before, after)
}

function predicateQuestions(before: Policy[], after: Policy[]): Question[] {
  const questions: Question[] = []
  for (const policy of before) {
    const rewritten = after.find(({ name }) => name === policy.name)
    if (!rewritten) continue
    for (const [clause, command] of [
      ['USING', usingCommands[policy.command]],
      ['WITH CHECK', checkCommands[policy.command]],
    ] as const) {
      const old = predicateFor(policy, command)
      const now = predicateFor(rewritten, command)
      if (old === undefined || now === undefined || old === now) continue
      const label = `policy ${displayIdentifier(policy.name)}, ${clause} for ${policy.command}`
      if (questions.some((each) => each.predicates(nobody).join() === [old, now].join())) continue
      questions.push({
        label,
        policy: policy.name,
        concerns: (role) => appliesTo(policy, role),
        predicates: () => [old, now],
        before: (_, ask) => ask(old),
        after: (_, ask) => ask(now),
      })
    }
  }
  return questions
}

/** One question for each command for which anything changes: what passes all policies together. */
function commandQuestions(before: Policy[], after: Policy[]): Question[] {
  return checkedCommands
    .filter((command) => signature(before, command) !== signature(after, command))
    .map((command): Question => {
      const of = (policies: Policy[], role: EndRole) => policies.filter((policy) => appliesTo(policy, role))
      return {
        label: command.toUpperCase(),
        concerns: (role) =>
          signature(of(before, role), command, false) !== signature(of(after, role), command, false),
        predicates: (role) => [
          ...new Set(
            [...of(before, role), ...of(after, role)].flatMap(
              (policy) => predicateFor(policy, command) ?? [],
            ),
          ),
        ],
        before: (role, ask) => passesTogether(of(before, role), command, ask),
        after: (role, ask) => passesTogether(of(after, role), command, ask),
      }
    })
}

/** What of the policies decides for the command, as a text. */
function signature(policies: Policy[], command: CheckedCommand, withRoles = true): string {
  const parts = policies.flatMap((policy) => {
    const predicate = predicateFor(policy, command)
    return predicate === undefined ? [] : [[policy.permissive, predicate, withRoles ? policy.roles : []]]
  })
  // Twins count once: whether one of them or both let a row pass is the same.
  return [...new Set(parts.map((part) => JSON.stringify(part)))].sort().join()
}

/** Whether the policy is for the role: for everybody, for it by name, or for a role whose privileges it inherits. */
export function appliesTo({ roles }: Policy, role: EndRole): boolean {
  return !role.isExempt && (roles.length === 0 || roles.some((name) => role.inherits.includes(name)))
}

function sameRoles(one: Policy, other: Policy): boolean {
  return [...one.roles].sort().join('\0') === [...other.roles].sort().join('\0')
}

/** The command at which each predicate of a policy is asked for itself. */
const usingCommands: Record<PolicyCommand, CheckedCommand> = {
  ALL: 'select',
  SELECT: 'select',
  INSERT: 'insert',
  UPDATE: 'update',
  DELETE: 'delete',
}
const checkCommands: Record<PolicyCommand, CheckedCommand> = {
  ...usingCommands,
  ALL: 'insert',
  UPDATE: 'update (new row)',
}

/** A role that no policy is for. */
export const nobody: EndRole = { name: '', inherits: [], isExempt: false, mayActAs: false }
