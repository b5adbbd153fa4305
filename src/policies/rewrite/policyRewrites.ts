import { messageOf } from '../../errors.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import type { PolicyPredicates } from '../../catalog/policies.ts'
import { treeWithoutArrayCasts } from '../../syntax/arrayCasts.ts'
import { printExpression } from '../../syntax/expression.ts'
import { call } from '../../syntax/build.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, nodesIn } from '../../syntax/nodes.ts'
import type { Change, Refusal, Rewritten, RewriteRule } from './change.ts'
import { rewriteRules } from './change.ts'
import { turnCorrelated } from './correlated.ts'
import type { Scope } from '../read/calls.ts'
import { nameOfCall } from '../read/calls.ts'
import type { ArmOrder } from '../read/armOrder.ts'
import { claimFunctionsOf } from '../read/claimFunctions.ts'
import { claimReaders, reachesCalls } from '../read/claimReaders.ts'
import type { Bodies } from '../read/declarations.ts'
import { hiddenVolatile, readsChanging } from '../read/declarations.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { ClaimHelpers } from './claimHelpers.ts'
import type { HelperFunction } from './helperFunctions.ts'
import { HelperFunctions } from './helperFunctions.ts'
import { KeyHelpers } from './keyHelpers.ts'
import type { MembershipScope } from './memberOf.ts'
import { turnLookups } from './lookups.ts'
import { turnMembership } from './membership.ts'
import type { ParsedPolicies, ParsedPolicy } from './parsedPolicies.ts'
import { judging, namesKnownTo } from './parsedPolicies.ts'
import type { PlannedOnce } from './planOnce.ts'
import { planOnce } from './planOnce.ts'
import type { PolicyOnTable } from '../read/policyCatalog.ts'
import type { JudgedPolicy } from '../read/recursion.ts'
import { newRecursion } from '../read/recursion.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'
import { liftVerdicts } from './liftVerdicts.ts'
import { setsLast } from './setsLast.ts'
import { wrapCalls } from './wrapCalls.ts'
import { unique } from '../../unique.ts'

/** What can be done for one policy. */
export interface PolicyRewrite {
  policy: PolicyOnTable
  /** As we print them, if they change; before they go into a file, the server prints them again. */
  after: PolicyPredicates
  /** The new USING as a tree; absent if it does not change. */
  usingAfter?: Node
  changes: Change[]
  refusals: Refusal[]
  /** Functions that the new predicates call; those that do not exist must be made first. */
  helpers: HelperFunction[]
  /** What `auth_function_planning` would do in addition; absent if nothing, or if it is among the changes. */
  planning?: Planning
}

/** A policy's predicates as they would be if they called functions that are planned once per session. */
export type Planning = Pick<PolicyRewrite, 'after' | 'changes' | 'refusals' | 'helpers'>

/** The rewrite with everything that its planning adds. */
export function withPlanning({ planning, ...rewrite }: PolicyRewrite): PolicyRewrite {
  if (!planning) return rewrite
  return {
    ...rewrite,
    after: planning.after,
    changes: [...rewrite.changes, ...planning.changes],
    refusals: [...rewrite.refusals, ...planning.refusals],
    helpers: [...new Set([...rewrite.helpers, ...planning.helpers])],
  }
}

/** The rewrites of a database's policies, and the functions that they share. */
export interface PolicyRewrites {
  rewrites: PolicyRewrite[]
  helpers: HelperFunctions
}

/** Whether an index that leads on the column will be made before the policies change. */
export type WillLead = (table: CatalogTable, column: string) => boolean

/** Whether statements on the table are planned so often that what planning its policies takes is worth a change. */
export type IsPlannedOften = (table: CatalogTable) => boolean

/**
 * Every policy that breaks one of these rules, with its rewrite or the reason why it is left as it is.
 *
 * @param willLead indexes that count although they do not exist yet; a change that relies on one names its column
 */
export function rewritePolicies(
  policies: ParsedPolicies,
  rules: ReadonlySet<RewriteRule> = new Set(rewriteRules),
  willLead: WillLead = () => false,
  isPlannedOften: IsPlannedOften = () => false,
): PolicyRewrites {
  // A rewrite may wait for those of other tables: with them in the same run, it is done too.
  let verdicts = policies.verdicts
  for (;;) {
    const made = rewriteOnce({ ...policies, verdicts }, rules, willLead, isPlannedOften)
    const next = liftVerdicts(verdicts, policies.parsed, made.rewrites)
    if (next === verdicts) return made
    verdicts = next
  }
}

function rewriteOnce(
  policies: ParsedPolicies,
  rules: ReadonlySet<RewriteRule>,
  willLead: WillLead,
  isPlannedOften: IsPlannedOften,
): PolicyRewrites {
  const helpers = new HelperFunctions(policies.surroundings)
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
  const shared = { ...policies, ...sharedBy(policies, rules, helpers) }
  const rewrites = policies.parsed
    .map((each) => {
      const rewrite = rewritePolicy(each, shared, rules, willLead, recursionWith)
      if (!rewrite.planning || !isPlannedOften(each.policy.table)) return rewrite
      for (const helper of rewrite.planning.helpers) helpers.use(helper)
      return withPlanning(rewrite)
    })
    .filter(
      ({ changes, refusals, planning }) =>
        changes.length > 0 || refusals.length > 0 || planning !== undefined,
    )
  return { rewrites, helpers }
}

/** What many policies share and is computed once. */
interface Shared extends Pick<
  MembershipScope,
  'tables' | 'role' | 'functions' | 'falselyImmutable' | 'hiddenVolatile'
> {
  /** As `wrapCalls`: run once for each tree and set of functions, and for each table if one of them is VOLATILE. */
  wrap(tree: Node, scope: Scope, table: CatalogTable): Rewritten
  keyHelpers: KeyHelpers
  asksCaller: ArmOrder['asksCaller']
  /** Calls planned once per session, if that rule is wanted. */
  plan(tree: Node): PlannedOnce
}

function sharedBy(
  policies: ParsedPolicies,
  rules: ReadonlySet<RewriteRule>,
  helpers: HelperFunctions,
): Shared {
  const { catalog, reach, surroundings } = policies
  const { called, role, functions } = catalog
  const names = namesKnownTo(policies)
  const keyHelpers = new KeyHelpers(helpers, names)
  const claims = { claimFunction: claimFunctionsOf(names), helpers: new ClaimHelpers(helpers), surroundings }
  const isImmutable = ({ volatility }: CatalogFunction) => volatility === 'immutable'
  const isNotVolatile = ({ volatility }: CatalogFunction) => volatility !== 'volatile'
  const wrapped = new WeakMap<Node, Map<string, Rewritten>>()
  return {
    tables: [...catalog.tables.values()],
    keyHelpers,
    asksCaller: asksCallerIn(policies, keyHelpers),
    plan: (tree) =>
      rules.has('auth_function_planning')
        ? planOnce(tree, claims)
        : { tree, changes: [], refusals: [], helpers: [] },
    role,
    functions,
    falselyImmutable: declaredFalsely(called.filter(isImmutable), readsChanging, reach),
    hiddenVolatile: declaredFalsely(called.filter(isNotVolatile), hiddenVolatile, reach),
    wrap(tree, scope, table) {
      const known = wrapped.get(tree) ?? new Map<string, Rewritten>()
      wrapped.set(tree, known)
      // What a VOLATILE function may be depends on the table too.
      const isVolatile = scope.called.some(({ volatility }) => volatility === 'volatile')
      const functions = [...scope.called.map(({ oid }) => oid), ...(isVolatile ? [table.oid] : [])].join()
      const result = known.get(functions) ?? wrapCalls(tree, scope, rules)
      known.set(functions, result)
      return result
    },
  }
}

/** A helper that does not exist yet asks what the membership function asks, whose keys it lists. */
function asksCallerIn({ reach, hazards }: ParsedPolicies, helpers: KeyHelpers): ArmOrder['asksCaller'] {
  const reaches = reachesCalls(reach)
  let readers: string[] | undefined
  const asks = (tree: Node): boolean => reaches(tree, (readers ??= claimReaders(reach, hazards)))
  return (tree) =>
    asks(tree) ||
    nodesIn(tree).some((node) => {
      const called = as(node, 'FuncCall')
      const of = called && helpers.named(nameOfCall(called))?.of
      return of !== undefined && asks(call([of.schema, of.name]))
    })
}

function rewritePolicy(
  { policy, using, check, unreadable }: ParsedPolicy,
  shared: ParsedPolicies & Shared,
  rules: ReadonlySet<RewriteRule>,
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
    helpers: shared.keyHelpers,
    willLead: (column) => willLead(policy.table, column),
    called: policy.functions,
    ...judging(shared.volatile, policy.table),
  }
  const changes: Change[] = []
  const refusals: Refusal[] = []
  const helpers: HelperFunction[] = []
  const planning: Omit<Planning, 'after'> = { changes: [], refusals: [], helpers: [] }
  const rewrite = (clause: 'using' | 'check'): Clause => {
    const [tree, text] = clause === 'using' ? [using, policy.using] : [check, policy.check]
    if (!tree) return { text }
    const turned = rules.has('policy_membership_function')
      ? turnMembership(tree, scope)
      : { tree, changes: [], refusals: [], helpers: [] }
    const looked = rules.has('policy_function_initplan')
      ? turnLookups(turned.tree, scope)
      : { tree: turned.tree, changes: [], refusals: [], helpers: [] }
    const around = rules.has('policy_correlated_subquery')
      ? turnCorrelated(looked.tree, scope, shared.verdicts)
      : { tree: looked.tree, changes: [], refusals: [] }
    const wrapped = shared.wrap(around.tree, scope, policy.table)
    const turnedAny = turned.changes.length + around.changes.length > 0
    const ordered =
      turnedAny && mayReorder(policy, clause)
        ? setsLast(wrapped.tree, { before: tree, hazards: scope.hazards, asksCaller: shared.asksCaller })
        : wrapped.tree
    const made = [...turned.changes, ...looked.changes, ...around.changes, ...wrapped.changes]
    refusals.push(...turned.refusals, ...around.refusals, ...wrapped.refusals)
    if (made.length === 0) return { tree, text }
    const looping = recursionWith(policy, { [clause]: ordered })
    if (looping !== undefined) {
      refusals.push(...made.map(({ rule, was }) => ({ rule, was, ...whyNotInTable(policy, looping) })))
      return { tree, text }
    }
    try {
      const printed = printExpression(treeWithoutArrayCasts(ordered))
      changes.push(...made)
      helpers.push(...turned.helpers, ...looked.helpers)
      return { tree: ordered, text: printed }
    } catch (error) {
      const reason = messageOf(error)
      refusals.push(...made.map(({ rule, was }) => ({ rule, was, reason })))
      return { tree, text }
    }
  }
  const plan = ({ tree, text }: Clause): string | null => {
    const planned = tree && shared.plan(tree)
    planning.refusals.push(...(planned?.refusals ?? []))
    if (!planned || planned.changes.length === 0) return text
    try {
      const printed = printExpression(treeWithoutArrayCasts(planned.tree))
      planning.changes.push(...planned.changes)
      planning.helpers.push(...planned.helpers)
      return printed
    } catch (error) {
      const reason = messageOf(error)
      planning.refusals.push(...planned.changes.map(({ rule, was }) => ({ rule, was, reason })))
      return text
    }
  }
  const [ofRow, ofCheck] = [rewrite('using'), rewrite('check')]
  const after = { using: ofRow.text, check: ofCheck.text }
  const afterPlanning = { using: plan(ofRow), check: plan(ofCheck) }
  const isPlanned = planning.changes.length + planning.refusals.length > 0
  return leaveWhatMayNotChange(
    {
      policy,
      after,
      ...(ofRow.tree && after.using !== policy.using ? { usingAfter: ofRow.tree } : {}),
      changes: unique(changes),
      refusals: unique(refusals),
      helpers: [...new Set(helpers)],
      ...(isPlanned ? { planning: { after: afterPlanning, ...uniqueParts(planning) } } : {}),
    },
    shared.baseline.get(policy.oid),
  )
}

/** Conditions on new rows keep their order: the planner evaluates nothing of them ahead. INSERT asks those of ALL. */
function mayReorder({ command, check }: PolicyOnTable, clause: 'using' | 'check'): boolean {
  return clause === 'using' && (check !== null || command !== 'ALL') && command !== 'INSERT'
}

/** A predicate after its rewrites: as a tree, if it can be read, and as text. */
interface Clause {
  tree?: Node
  text: string | null
}

function uniqueParts({ changes, refusals, helpers }: Omit<Planning, 'after'>): Omit<Planning, 'after'> {
  return { changes: unique(changes), refusals: unique(refusals), helpers: [...new Set(helpers)] }
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
  const { policy, changes, refusals, planning } = rewrite
  const { isOurs, owner, name } = policy.table
  const all = [...changes, ...(planning?.changes ?? [])]
  const found = all.length + refusals.length + (planning?.refusals.length ?? 0)
  if (isOurs && (failure === undefined || found === 0)) return rewrite
  if (!isOurs && all.length === 0) return rewrite
  const why = isOurs
    ? {
        reason: `the policies of ${name} fail even now (${failure}), so there is nothing to compare a rewrite with`,
        steps: ['Fix the policies of the table first: their queries fail before anything is changed.'],
      }
    : {
        reason: `the table belongs to ${owner}, and only its owner may alter its policies`,
        steps: [`Run this command as ${owner}, or as a member of that role.`],
      }
  const left = (made: Change[], refused: Refusal[]) => ({
    after: { using: policy.using, check: policy.check },
    changes: [],
    helpers: [],
    // If the policies fail even today, no other reason matters.
    refusals: unique([
      ...(isOurs ? refused.map(({ rule, was }) => ({ rule, was, ...why })) : refused),
      ...made.map(({ rule, was }) => ({ rule, was, ...why })),
    ]),
  })
  return {
    policy,
    ...left(changes, refusals),
    ...(planning ? { planning: left(planning.changes, planning.refusals) } : {}),
  }
}
