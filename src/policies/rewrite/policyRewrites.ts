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
  /** In our own words where it changes: the server prints it anew before it goes into a file. */
  after: PolicyPredicates
  changes: Change[]
  refusals: Refusal[]
  /** Functions that the new predicates call and that may have to be made first. */
  helpers: KeyHelper[]
}

/** The rewrites of a database's policies, and the functions that they share. */
export interface PolicyRewrites {
  rewrites: PolicyRewrite[]
  helpers: KeyHelpers
}

/** Whether an index that leads on the column is to be made before the policies change. */
export type WillLead = (table: CatalogTable, column: string) => boolean

/**
 * Every policy that breaks one of these rules, with its rewrite or the reason why it is left.
 *
 * @param willLead indexes to reckon with although they are not there yet; changes that do so name the column
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

/** What is the same for many policies, found once. */
interface Shared extends Pick<
  MembershipScope,
  'tables' | 'role' | 'functions' | 'falselyImmutable' | 'hiddenVolatile'
> {
  /** As `wrapCalls`, which asks nothing of the table: once for each tree and the functions that it can mean. */
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

/** The policy that would end in an endless loop if the one given had these predicates. */
type RecursionWith = (policy: PolicyOnTable, predicates: { using?: Node; check?: Node }) => string | undefined

function whyNotInTable({ table }: PolicyOnTable, looping: string): Pick<Refusal, 'reason' | 'steps'> {
  const [policy, name] = [displayIdentifier(looping), display(table)]
  return {
    reason: `policy ${policy} reads ${name} itself, and PostgreSQL refuses that (42P17, infinite recursion) as soon as a policy for reading ${name} has a sub-select`,
    steps: [
      `Let policy ${policy} ask a function that is STABLE and SECURITY DEFINER in place of reading ${name}; then run this command again.`,
      'An index on the compared column helps without that: a STABLE call can be looked up in it.',
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

/** Policies of a table that belongs to somebody else, or that fail already, stay as they are. */
function leaveWhatMayNotChange(rewrite: PolicyRewrite, failure: string | undefined): PolicyRewrite {
  const { policy, changes, refusals } = rewrite
  const { isOurs, owner, name } = policy.table
  if (isOurs && (failure === undefined || changes.length + refusals.length === 0)) return rewrite
  if (!isOurs && changes.length === 0) return rewrite
  const why = isOurs
    ? {
        reason: `the policies of ${name} fail even now (${failure}), so there is nothing to compare a rewrite with`,
        steps: ['Mend the policies of the table first: their queries fail before anything is changed.'],
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
    // Beside a failure that is there already no other reason matters.
    refusals: unique([
      ...(isOurs ? refusals.map(({ rule, was }) => ({ rule, was, ...why })) : refusals),
      ...changes.map(({ rule, was }) => ({ rule, was, ...why })),
    ]),
  }
}
