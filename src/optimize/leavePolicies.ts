import { displayIdentifier } from '../postgres/identifiers.ts'
import { ignorePath } from '../rules/ignoreFile.ts'
import { alterPolicies } from '../operations/alterPolicies.ts'
import type { AlterPolicies, Operation } from '../operations/operation.ts'
import type { Finding } from '../rules/rule.ts'
import type { Skipped } from './chooseOperations.ts'
import { skip } from './chooseOperations.ts'

/**
 * One migration alters all policies of a table, each for all of its findings. If one finding of a policy is ignored,
 * the policy stays as it is, since the same alteration fixes its other findings; the migration leaves it out. It is not
 * dropped either, where another one says the same.
 */
export function leavePolicies(
  findings: Finding[],
  ignored: Finding[],
): { free: Finding[]; bound: Skipped[] } {
  const rules = new Map<string, string>()
  for (const finding of ignored)
    if (alteredBy(finding) || droppedBy(finding)) rules.set(policyOf(finding.subject), finding.rule)
  if (rules.size === 0) return { free: findings, bound: [] }
  const free: Finding[] = []
  const bound: Skipped[] = []
  for (const finding of findings) {
    const parts = alteredBy(finding)
    const other = parts || droppedBy(finding) ? rules.get(policyOf(finding.subject)) : undefined
    if (other === undefined) free.push(parts ? withOperation(finding, without(parts, rules)) : finding)
    else {
      const alone = `--rules ${finding.rule} writes this one alone`
      bound.push(skip(finding, `its migration also fixes ${other}, which ${ignorePath} ignores; ${alone}`))
    }
  }
  return { free, bound }
}

function alteredBy({ remedy }: Finding): AlterPolicies | undefined {
  return remedy.kind === 'migration' ? remedy.operation.altersPolicies : undefined
}

/** One migration drops a policy that says what another one says, for the findings about both its text and itself. */
function droppedBy({ remedy }: Finding): boolean {
  return remedy.kind === 'migration' && remedy.operation.kind === 'dropDuplicatePolicy'
}

/** Schema, table and policy as one key. */
function policyOf(subject: string[]): string {
  return JSON.stringify(subject.slice(0, 3))
}

function withOperation(finding: Finding, operation: Operation): Finding {
  return { ...finding, remedy: { kind: 'migration', title: finding.remedy.title, operation } }
}

function without(parts: AlterPolicies, left: ReadonlyMap<string, string>): Operation {
  const { schema, name } = parts.table
  const isLeft = ({ policy }: { policy: string }): boolean => left.has(policyOf([schema, name, policy]))
  const why = [
    parts.why,
    ...parts.alterations
      .filter(isLeft)
      .map(({ policy }) => `Policy ${displayIdentifier(policy)} stays as it is: ${ignorePath} ignores it.`),
  ].join(' ')
  return alterPolicies({ ...parts, why, alterations: parts.alterations.filter((each) => !isLeft(each)) })
}
