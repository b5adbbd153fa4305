import { messageOf } from '../../errors.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import type { PolicyPredicates } from '../../catalog/policies.ts'
import { treeWithoutArrayCasts } from '../../syntax/arrayCasts.ts'
import { printExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import type { Change, Refusal, Rewritten, RewriteRule } from './change.ts'
import { rewriteRules } from './change.ts'
import { turnCorrelated } from './correlated.ts'
import type { Scope } from '../read/calls.ts'
import type { Bodies } from '../read/declarations.ts'
import { hiddenVolatile, readsChanging } from '../read/declarations.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { KeyHelper } from './keyHelpers.ts'
import { KeyHelpers } from './keyHelpers.ts'
import type { MembershipScope } from './membership.ts'
import { turnMembership } from './membership.ts'
import type { ParsedPolicies, ParsedPolicy } from './parsedPolicies.ts'
import type { PolicyOnTable } from '../read/policyCatalog.ts'
import type { JudgedPolicy } from '../read/recursion.ts'
import { newRecursion } from '../read/recursion.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'
import { wrapCalls } from './wrapCalls.ts'
import { unique } from '../../unique.ts'

/** What can be done for one policy. */
export interface PolicyRewrite {
  policy: PolicyOnTable
  /** As we print them, if they change; before they go into a file, the server prints them again. */
  after: PolicyPredicates
  changes: Change[]
  refusals: Refusal[]
  /** Functions that the new predicates call; those that do not exist must be made first. */
  helpers: KeyHelper[]
}

/** The rewrites of a database's policies, and the functions that they share. */
export interface PolicyRewrites {
  rewrites: PolicyRewrite[]
  helpers: KeyHelpers
}

/** Whether an index that leads on the column will be made before the policies change. */
export type WillLead = (table: CatalogTable, column: string) => boolean

/**
 * Every policy that breaks one of these rules, with its rewrite or the reason why it is left as it is.
 *
 * @param willLead indexes that count although they do not exist yet; a change that relies on one names its column
 */
export function rewritePolicies(
  policies: ParsedPolicies,
  rules: ReadonlySet<RewriteRule> = new Set(rewriteRules),
  willLead: WillLead = () => false,
): PolicyRewrites {
  const helpers = new KeyHelpers(policies.surroundings, policies.reach)
  const byTable = new Map<number, JudgedPolicy[]>()
  for (const { policy, using, check } of policies.parsed) {
    const ofTable = byTable.get(policy.table.oid) ?? []
    byTable.set(policy.table.oid, [...ofTable, { ...policy, using, check }])
  }
  const recursionWith: RecursionWith = ({ table, name }, predicates) => {
    const now = byTable.get(table.oid) ?? []
    const then = now.map((each) => (each.name === name ? { ...each, ...predicates } : each))
    return newRecursion(table, now, then, policies.selectReads)
  }
  const shared = { ...policies, ...sharedBy(policies, rules) }
  const rewrites = policies.parsed
    .map((each) => rewritePolicy(each, shared, rules, helpers, willLead, recursionWith))
    .filter(({ changes, refusals }) => changes.length > 0 || refusals.length > 0)
  return { rewrites, helpers }
}

/** What many policies share and is computed once. */
interface Shared extends Pick<
  MembershipScope,
  'tables' | 'role' | 'functions' | 'falselyImmutable' | 'hiddenVolatile'
> {
  /** As `wrapCalls`, which does not depend on the table: run once for each tree and set of functions. */
  wrap(tree: Node, scope: Scope): Rewritten
}

function sharedBy({ catalog, reach }: ParsedPolicies, rules: ReadonlySet<RewriteRule>): Shared {
  const { called, role, functions } = catalog
  const isImmutable = ({ volatility }: CatalogFunction) => volatility === 'immutable'
  const isNotVolatile = ({ volatility }: CatalogFunction) => volatility !== 'volatile'
  const wrapped = new WeakMap<Node, Map<string, Rewritten>>()
  return {
    tables: [...catalog.tables.values()],
    role,
    functions,
    falselyImmutable: declaredFalsely(called.filter(isImmutable), readsChanging, reach),
    hiddenVolatile: declaredFalsely(called.filter(isNotVolatile), hiddenVolatile, reach),
    wrap(tree, scope) {
      const known = wrapped.get(tree) ?? new Map<string, Rewritten>()
      wrapped.set(tree, known)
      const functions = scope.called.map(({ oid }) => oid).join()
      const result = known.get(functions) ?? wrapCalls(tree, scope, rules)
      known.set(functions, result)
      return result
    },
  }
}

function rewritePolicy(
  { policy, using, check, unreadable }: ParsedPolicy,
  shared: ParsedPolicies & Shared,
  rules: ReadonlySet<RewriteRule>,
  keyHelpers: KeyHelpers,
  willLead: WillLead,
  recursionWith: RecursionWith,
): PolicyRewrite {
  const unchanged = { using: policy.using, check: policy.check }
  if (unreadable !== undefined) {
    const [rule] = rules
    const refusals = rule ? [{ rule, was: 'its expression', reason: unreadable }] : []
    return { policy, after: unchanged, changes: [], refusals, helpers: [] }
  }
  const scope: MembershipScope = {
    ...shared,
    table: policy.table,
    helpers: keyHelpers,
    willLead: (column) => willLead(policy.table, column),
    called: policy.functions,
  }
  const changes: Change[] = []
  const refusals: Refusal[] = []
  const helpers: KeyHelper[] = []
  const rewrite = (clause: 'using' | 'check'): string | null => {
    const [tree, text] = clause === 'using' ? [using, policy.using] : [check, policy.check]
    if (!tree) return text
    const turned = rules.has('policy_membership_function')
      ? turnMembership(tree, scope)
      : { tree, changes: [], refusals: [], helpers: [] }
    const around = rules.has('policy_correlated_subquery')
      ? turnCorrelated(turned.tree, scope, shared.verdicts)
      : { tree: turned.tree, changes: [], refusals: [] }
    const wrapped = shared.wrap(around.tree, scope)
    const made = [...turned.changes, ...around.changes, ...wrapped.changes]
    refusals.push(...turned.refusals, ...around.refusals, ...wrapped.refusals)
    if (made.length === 0) return text
    const looping = recursionWith(policy, { [clause]: wrapped.tree })
    if (looping !== undefined) {
      refusals.push(...made.map(({ rule, was }) => ({ rule, was, ...whyNotInTable(policy, looping) })))
      return text
    }
    try {
      const printed = printExpression(treeWithoutArrayCasts(wrapped.tree))
      changes.push(...made)
      helpers.push(...turned.helpers)
      return printed
    } catch (error) {
      const reason = messageOf(error)
      refusals.push(...made.map(({ rule, was }) => ({ rule, was, reason })))
      return text
    }
  }
  const after = { using: rewrite('using'), check: rewrite('check') }
  return leaveWhatMayNotChange(
    { policy, after, changes: unique(changes), refusals: unique(refusals), helpers: [...new Set(helpers)] },
    shared.baseline.get(policy.oid),
  )
}

/** The policy that would recurse without end if the given one had these predicates. */
type RecursionWith = (policy: PolicyOnTable, predicates: { using?: Node; check?: Node }) => string | undefined

function whyNotInTable({ table }: PolicyOnTable, looping: string): Pick<Refusal, 'reason' | 'steps'> {
  const [policy, name] = [displayIdentifier(looping), display(table)]
  return {
    reason: `policy ${policy} reads ${name} itself, which PostgreSQL refuses (42P17, infinite recursion) once a policy for SELECT on ${name} has a sub-select`,
    steps: [
      `Let policy ${policy} call a function that is STABLE and SECURITY DEFINER, which reads ${name} for it; then run this command again.`,
      'An index on the compared column helps even without that: it can be searched for the result of a STABLE call.',
    ],
  }
}

function declaredFalsely(
  called: CatalogFunction[],
  look: (each: CatalogFunction, bodies: Bodies) => string | undefined,
  bodies: Bodies,
): Map<number, string> {
  const found = new Map<number, string>()
  for (const each of called) {
    const what = look(each, bodies)
    if (what !== undefined) found.set(each.oid, what)
  }
  return found
}

/** Leaves a policy as it is if its table belongs to somebody else, or if it fails even today. */
function leaveWhatMayNotChange(rewrite: PolicyRewrite, failure: string | undefined): PolicyRewrite {
  const { policy, changes, refusals } = rewrite
  const { isOurs, owner, name } = policy.table
  if (isOurs && (failure === undefined || changes.length + refusals.length === 0)) return rewrite
  if (!isOurs && changes.length === 0) return rewrite
  const why = isOurs
    ? {
        reason: `the policies of ${name} fail even now (${failure}), so there is nothing to compare a rewrite with`,
        steps: ['Fix the policies of the table first: their queries fail before anything is changed.'],
      }
    : {
        reason: `the table belongs to ${owner}, and only its owner may alter its policies`,
        steps: [`Run this command as ${owner}, or as a member of that role.`],
      }
  return {
    policy,
    after: { using: policy.using, check: policy.check },
    changes: [],
    helpers: [],
    // If the policies fail even today, no other reason matters.
    refusals: unique([
      ...(isOurs ? refusals.map(({ rule, was }) => ({ rule, was, ...why })) : refusals),
      ...changes.map(({ rule, was }) => ({ rule, was, ...why })),
    ]),
  }
}
