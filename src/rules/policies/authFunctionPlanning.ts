import { groupBy } from '../../groupBy.ts'
import { display } from '../../postgres/identifiers.ts'
import { claimFunctionsOf } from '../../policies/read/claimFunctions.ts'
import { mostPlannedCalls } from '../../policies/cost/plannedCalls.ts'
import type { CatalogTable } from '../../policies/read/tableCatalog.ts'
import type { ParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { namesKnownTo, readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import type { PolicyRewrite } from '../../policies/rewrite/policyRewrites.ts'
import { withPlanning } from '../../policies/rewrite/policyRewrites.ts'
import { operationOf } from './policyFindings.ts'
import type { PolicyPlan } from './policyPlan.ts'
import { planPolicies } from './policyPlan.ts'
import { estimated, measured } from '../remedies.ts'
import type { Remedy, Rule, Violation } from '../rule.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

const rule = 'auth_function_planning'

/** What parsing and inlining one mention of `auth.uid()` takes: measured on PostgreSQL 18. */
const millisecondsPerCall = 0.02

/**
 * PostgreSQL parses and inlines the body of `auth.uid()` at every mention in every statement that it plans, wrapped or
 * not: 0.02 ms each, which is a third to a half of the time that a lookup of one row takes behind policies.
 *
 * ```sql
 * USING (owner = (SELECT auth.uid()))                 -- SELECT of one profile: 0.30 ms of planning
 * USING (owner = (SELECT private.current_user_id()))  --                        0.16 ms
 * ```
 *
 * Only `info`: it costs long statements nothing worth mentioning. With `optimize --workload` it is `warn` for the tables
 * that the workload's statements plan.
 */
export const authFunctionPlanning: Rule = {
  name: rule,
  finds: 'auth functions in SQL, whose bodies are planned again at every mention in every statement',
  cure: 'a PL/pgSQL function that returns the same and is planned once per session',
  find: async (context) => {
    const [policies, plan] = [await context.read(readParsedPolicies), await planPolicies(context)]
    const rewrites = plan.rewrites
      .map((each) => withPlanning(each))
      .filter(({ policy }) => context.schemas?.includes(policy.table.schema) ?? true)
    const byTable = groupBy(rewrites, ({ policy }): CatalogTable => policy.table)
    const findings = Array.from(byTable, ([table, own]) => findingOf(table, own, policies, plan))
    return unlessPoliciesLocked(context, findings.flat())
  },
}

function findingOf(
  table: CatalogTable,
  rewrites: PolicyRewrite[],
  policies: ParsedPolicies,
  plan: PolicyPlan,
): Violation[] {
  const changes = rewrites.flatMap((each) => each.changes).filter((each) => each.rule === rule)
  const refusals = rewrites.flatMap((each) => each.refusals).filter((each) => each.rule === rule)
  const functions = [...new Set([...changes, ...refusals].map(({ was }) => was))]
  if (functions.length === 0) return []
  const claimFunction = claimFunctionsOf(namesKnownTo(policies))
  const { command, calls } = mostPlannedCalls(table, policies, (node) => claimFunction(node) !== undefined)
  const isOften = table.rowSecurity && plan.isPlannedOften(table) && changes.length > 0
  const [becomes] = changes.map((each) => each.becomes)
  const remedy: Remedy =
    becomes === undefined
      ? { kind: 'none', title: `Left as it is: ${refusals[0]?.reason ?? ''}` }
      : {
          kind: 'migration',
          title: `Call functions that are planned once per session: ${becomes}`,
          operation: operationOf(table, rewrites, plan),
        }
  return [
    {
      level: isOften ? 'warn' : 'info',
      subject: [table.schema, table.name],
      detail: `The policies that a statement on ${display(table)} plans mention ${functions.join(' and ')} ${calls} times, and PostgreSQL parses and inlines the body each time.`,
      evidence: [
        measured('calls planned', calls, `in each ${command}`),
        estimated('planning', Math.round(calls * millisecondsPerCall * 1000) / 1000, 'ms per statement'),
      ],
      remedy,
      ...(isOften ? {} : { infoBecause: 'where no workload says that short statements count' }),
    },
  ]
}
