import { groupBy } from '../../groupBy.ts'
import { unique } from '../../unique.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { functionExists } from '../../conditions/functions.ts'
import { alterPolicies } from '../../operations/alterPolicies.ts'
import type { Operation, PolicyAlteration } from '../../operations/operation.ts'
import { condition } from '../../operations/operation.ts'
import { privateSchema } from '../../policies/read/privateSchema.ts'
import type { Change, Refusal, RewriteRule } from '../../policies/rewrite/change.ts'
import { rewriteRules } from '../../policies/rewrite/change.ts'
import type { PolicyRewrite } from '../../policies/rewrite/policyRewrites.ts'
import type { CatalogTable } from '../../policies/read/tableCatalog.ts'
import type { DuplicatePolicy } from '../../policies/rewrite/duplicatePolicies.ts'
import { dropDuplicatePolicy } from '../../operations/dropDuplicatePolicy.ts'
import type { PolicyPlan } from './policyPlan.ts'
import { planPolicies } from './policyPlan.ts'
import { estimated, measured, runbook } from '../remedies.ts'
import type { Fact, Violation } from '../rule.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * The findings of one of the rules that rewrite policies: one for each policy that is rewritten, and one for each
 * expression that must stay, with the precondition that does not hold. All policies of a table share one
 * migration, whichever rules they break.
 *
 * @param problem what is wrong with the expression: `runs for every row`
 */
export async function policyFindings(
  context: Snapshot,
  rule: RewriteRule,
  problem: string,
): Promise<Violation[]> {
  const plan = await planPolicies(context)
  const rewrites = plan.rewrites.filter(
    ({ policy }) => context.schemas?.includes(policy.table.schema) ?? true,
  )
  const byTable = groupBy(rewrites, ({ policy }): CatalogTable => policy.table)
  const operations = new Map<CatalogTable, Operation>()
  const operationFor = (table: CatalogTable): Operation => {
    const known = operations.get(table)
    if (known) return known
    const operation = operationOf(table, byTable.get(table) ?? [], plan)
    operations.set(table, operation)
    return operation
  }
  const findings = rewrites.flatMap((rewrite) => [
    ...changed(rewrite, rule, problem, plan.duplicates.get(rewrite.policy.oid) ?? operationFor),
    ...refusalsToTell(rewrite, rule).map((each) => refused(rewrite, each, problem)),
  ])
  return unlessPoliciesLocked(context, findings)
}

function changed(
  rewrite: PolicyRewrite,
  rule: RewriteRule,
  problem: string,
  cure: DuplicatePolicy | ((table: CatalogTable) => Operation),
): Violation[] {
  const { policy, changes } = rewrite
  const own = changes.filter((each) => each.rule === rule)
  if (own.length === 0) return []
  const calls = [...new Set(own.map(({ was }) => was))]
  return [
    {
      level: policy.table.rowSecurity ? 'warn' : 'info',
      subject: [policy.table.schema, policy.table.name, policy.name],
      detail: `In policy ${displayIdentifier(policy.name)} on ${display(policy.table)}, ${calls.join(' and ')} ${problem}.`,
      evidence: [
        ...evidenceOf(rewrite),
        ...unique(own.flatMap(({ notes = [] }) => notes)).map((note) => measured('once per statement', note)),
      ],
      remedy:
        typeof cure === 'function'
          ? {
              kind: 'migration',
              title: `Rewrite it: ${own.map(({ becomes }) => becomes).join(', ')}`,
              operation: cure(policy.table),
            }
          : {
              kind: 'migration',
              title: `Drop it: ${displayIdentifier(cure.kept.name)} says the same`,
              operation: dropDuplicatePolicy(policy.table, policy, cure.kept.name),
            },
    },
  ]
}

/** A deferred rewrite keeps the key that it will have later: one per policy, and none if a change is reported. */
function refusalsToTell({ changes, refusals }: PolicyRewrite, rule: RewriteRule): Refusal[] {
  const own = refusals.filter((each) => each.rule === rule)
  const hasChange = changes.some((each) => each.rule === rule)
  const later = own.filter(({ isForNow }) => isForNow)
  return [...own.filter(({ isForNow }) => !isForNow), ...(hasChange ? [] : later.slice(0, 1))]
}

function refused(
  { policy }: PolicyRewrite,
  { was, reason, steps, isForNow }: Refusal,
  problem: string,
): Violation {
  const title = `Left as it is: ${reason}`
  const subject = [policy.table.schema, policy.table.name, policy.name]
  return {
    level: isForNow && policy.table.rowSecurity ? 'warn' : 'info',
    subject: isForNow ? subject : [...subject, was],
    detail: `In policy ${displayIdentifier(policy.name)} on ${display(policy.table)}, ${was} ${problem}.`,
    evidence: [rowsOf(policy.table)],
    remedy: steps ? runbook(title, ...steps) : { kind: 'none', title },
  }
}

function evidenceOf({ policy, after }: PolicyRewrite): Fact[] {
  const facts: Fact[] = [rowsOf(policy.table)]
  for (const part of ['using', 'check'] as const) {
    if (policy[part] !== after[part]) {
      facts.push(measured(`${part} before`, policy[part]), measured(`${part} after`, after[part]))
    }
  }
  return facts
}

function rowsOf(table: CatalogTable): Fact {
  return estimated('rows', table.estimatedRows, 'rows')
}

/** One operation for everything that changes in the policies of the table, without those that are dropped instead. */
export function operationOf(table: CatalogTable, rewrites: PolicyRewrite[], plan: PolicyPlan): Operation {
  const altered = rewrites.filter(
    ({ policy, changes }) => changes.length > 0 && !plan.duplicates.has(policy.oid),
  )
  const changes = altered.flatMap((each) => each.changes)
  const rule = rewriteRules.find((each) => changes.some((change) => change.rule === each))
  return alterPolicies({
    table: { schema: table.schema, name: table.name },
    rule: rule ?? rewriteRules[0],
    why: whyOf(table, changes),
    alterations: altered.map((rewrite) => alterationOf(rewrite, plan)),
  })
}

function alterationOf(rewrite: PolicyRewrite, plan: PolicyPlan): PolicyAlteration {
  const { policy, after, helpers, changes } = rewrite
  const indexes = plan.indexOperations([rewrite])
  const follows = unique(changes.flatMap((change) => change.follows ?? []))
  return {
    policy: policy.name,
    before: { using: policy.using, check: policy.check },
    after,
    needs: [
      ...helpers.map(({ name }) => condition(functionExists, { schema: privateSchema, name, args: '' })),
      // After an index is built, the condition is that it is valid.
      ...indexes.flatMap((index) => index.after),
    ],
    requires: [...plan.helpers.operations(helpers), ...indexes],
    ...(follows.length > 0 ? { follows } : {}),
    ...(changes.some(({ rule }) => rule !== 'auth_rls_initplan') ? { needsTrial: true } : {}),
  }
}

/** For each rule what was wrong with which expressions, and what is better now. */
function whyOf(table: CatalogTable, changes: Change[]): string {
  const rows = table.estimatedRows ? ` (about ${table.estimatedRows.toLocaleString('en')} rows)` : ''
  const sentences = rewriteRules.flatMap((rule) => {
    const was = [...new Set(changes.filter((change) => change.rule === rule).map((change) => change.was))]
    return was.length === 0 ? [] : [reasons[rule](was.join(', '))]
  })
  const notes = unique(changes.flatMap((change) => change.notes ?? []))
  return [
    `Policies of ${display(table)}${rows}: ${sentences.join(' ')} The same rows pass as before.`,
    ...notes,
  ].join(' ')
}

const once = (calls: string) =>
  `${calls} ran for every row; in a sub-select it runs once per statement, and an index can serve the comparison.`

const reasons: Record<RewriteRule, (expressions: string) => string> = {
  auth_rls_initplan: once,
  policy_function_initplan: once,
  policy_membership_function: (calls) =>
    `${calls} searched the memberships again for every row; now the set of the caller's keys is read once per statement.`,
  policy_correlated_subquery: (queries) =>
    `${queries} was run again for every row; now its rows are read once per statement.`,
  auth_function_planning: (calls) =>
    `PostgreSQL parsed and inlined the body of ${calls} at every mention in every statement; now it is planned once per session.`,
}
