import type { Database } from '../db/database.ts'
import type { PolicyPredicates } from '../introspect/policies.ts'
import { parseExpression, printExpression } from '../sql/expression.ts'
import type { Node } from '../sql/nodes.ts'
import { as } from '../sql/nodes.ts'
import { replaceBelow } from '../sql/replaceNodes.ts'
import { rowReferences } from '../sql/rowReferences.ts'
import { nameOfCall } from './calls.ts'
import type { PlanVerdicts } from './correlated.ts'
import { correlatedCandidates, turnCorrelated } from './correlated.ts'
import type { PlanQuestion } from './planVerdicts.ts'
import { readPlanVerdicts } from './planVerdicts.ts'
import type { Baseline } from './policyBaseline.ts'
import { readBaseline } from './policyBaseline.ts'
import type { Change, Refusal, RewriteRule } from './change.ts'
import { rewriteRules } from './change.ts'
import type { Bodies } from './declarations.ts'
import { hiddenVolatile, namesCalled, readsChanging } from './declarations.ts'
import type { FunctionBody } from './functionBody.ts'
import { readBody } from './functionBody.ts'
import type { CatalogFunction } from './functionCatalog.ts'
import { readFunctionsNamed } from './functionCatalog.ts'
import type { Policy, PolicyCatalog } from './policyCatalog.ts'
import { readPolicyCatalog } from './policyCatalog.ts'
import { prepareTypes } from './typeNames.ts'
import { wrapCalls } from './wrapCalls.ts'
import type { KeyHelper } from './keyHelpers.ts'
import { KeyHelpers } from './keyHelpers.ts'
import type { MembershipScope } from './membership.ts'
import { turnMembership } from './membership.ts'
import type { Surroundings } from './privateSchema.ts'
import { readSurroundings } from './privateSchema.ts'

/** What can be done for one policy. */
export interface PolicyRewrite {
  policy: Policy
  /** In our own words where it changes: the server prints it anew before it goes into a file. */
  after: PolicyPredicates
  changes: Change[]
  refusals: Refusal[]
  /** Functions that the new predicates call and that may have to be made first. */
  helpers: KeyHelper[]
}

/** One policy with its expressions read. */
export interface ParsedPolicy {
  policy: Policy
  using?: Node
  check?: Node
  /** Why an expression cannot be read. */
  unreadable?: string
}

/** All policies, parsed, with everything that the rewrites ask about. */
export interface ParsedPolicies {
  catalog: PolicyCatalog
  parsed: ParsedPolicy[]
  bodies: Bodies
  surroundings: Surroundings
  verdicts: PlanVerdicts
  baseline: Baseline
}

/** Reads every policy and parses its expressions. */
export async function readParsedPolicies(db: Database): Promise<ParsedPolicies> {
  const catalog = await readPolicyCatalog(db)
  await prepareTypes(
    [...catalog.functions.byOid.values()].flatMap(({ returnType, argumentTypes }) => [
      returnType,
      ...argumentTypes,
    ]),
  )
  const parsed: ParsedPolicy[] = []
  for (const policy of catalog.policies) parsed.push(await parsePolicy(policy))
  const bodies = await readBodies(db, catalog)
  const surroundings = await readSurroundings(db)
  const baseline = await readBaseline(db, catalog.policies)
  const known = { catalog, parsed, bodies, surroundings, baseline, verdicts: new Map() }
  return { ...known, verdicts: await readPlanVerdicts(db, planQuestions(known)) }
}

/** What to ask the planner: each sub-select that could be turned round. */
function planQuestions(policies: ParsedPolicies): PlanQuestion[] {
  const { catalog, parsed } = policies
  const isSlow = (each: { schema: string; name: string }) =>
    parsed.some(
      ({ policy, using }) =>
        policy.table.rowSecurity &&
        policy.table.schema === each.schema &&
        policy.table.name === each.name &&
        using !== undefined &&
        runsCodePerRow(using),
    )
  return parsed.flatMap(({ policy, using, check }) => {
    const scope = { functions: catalog.functions, called: policy.functions, ...trusted, table: policy.table }
    if (!policy.table.isOurs) return []
    return [using, check]
      .flatMap((tree) => (tree ? correlatedCandidates(tree, scope) : []))
      .map((turned) => ({
        table: policy.table,
        turned,
        slowReads: turned.reads.filter(isSlow).map(({ schema, name }) => `${schema}.${name}`),
      }))
  })
}

/** For looking only: what is declared falsely is refused when the rewrite is made. */
const trusted = { falselyImmutable: new Map<number, string>(), hiddenVolatile: new Map<number, string>() }

/** A call outside of pg_catalog that is not in a sub-select of its own, or a correlated sub-select. */
function runsCodePerRow(tree: Node): boolean {
  const link = as(tree, 'SubLink')
  if (link) return rowReferences(tree).length > 0
  const call = as(tree, 'FuncCall')
  if (call && nameOfCall(call).schema !== 'pg_catalog') return true
  let found = false
  replaceBelow(tree, (child) => {
    found ||= runsCodePerRow(child)
    return child
  })
  return found
}

/** The bodies of the functions that policies call, and of those that these call, as far as they can be read. */
async function readBodies(db: Database, { functions }: PolicyCatalog): Promise<Bodies> {
  const bodies = new Map<number, FunctionBody>()
  const unreadable = new Map<number, string>()
  const byName = new Map<string, CatalogFunction[]>()
  let next = [...functions.byOid.values()]
  while (next.length > 0) {
    const read: FunctionBody[] = []
    for (const each of next) {
      const body = each.kind === 'f' ? await readBody(each) : { unreadable: 'it is an aggregate' }
      if ('unreadable' in body) {
        unreadable.set(each.oid, body.unreadable)
        continue
      }
      bodies.set(each.oid, body)
      read.push(body)
    }
    const names = namesCalled(read).filter((name) => !byName.has(name))
    for (const name of names) byName.set(name, [])
    const found = await readFunctionsNamed(db, names)
    for (const each of found) byName.get(each.name)?.push(each)
    next = found.filter(({ oid }) => !bodies.has(oid))
  }
  return { bodies, unreadable, byName, functions }
}

async function parsePolicy(policy: Policy): Promise<ParsedPolicy> {
  try {
    return {
      policy,
      ...(policy.using === null ? {} : { using: await parseExpression(policy.using) }),
      ...(policy.check === null ? {} : { check: await parseExpression(policy.check) }),
    }
  } catch (error) {
    return { policy, unreadable: error instanceof Error ? error.message : String(error) }
  }
}

/** The rewrites of a database's policies, and the functions that they share. */
export interface PolicyRewrites {
  rewrites: PolicyRewrite[]
  helpers: KeyHelpers
}

/** Every policy that breaks one of these rules, with its rewrite or the reason why it is left. */
export function rewritePolicies(
  policies: ParsedPolicies,
  rules: ReadonlySet<RewriteRule> = new Set(rewriteRules),
): PolicyRewrites {
  const helpers = new KeyHelpers(policies.surroundings)
  const rewrites = policies.parsed
    .map((each) => rewritePolicy(each, policies, rules, helpers))
    .filter(({ changes, refusals }) => changes.length > 0 || refusals.length > 0)
  return { rewrites, helpers }
}

function rewritePolicy(
  { policy, using, check, unreadable }: ParsedPolicy,
  { catalog, bodies, surroundings, verdicts, baseline }: ParsedPolicies,
  rules: ReadonlySet<RewriteRule>,
  keyHelpers: KeyHelpers,
): PolicyRewrite {
  const unchanged = { using: policy.using, check: policy.check }
  if (unreadable !== undefined) {
    const [rule] = rules
    const refusals = rule ? [{ rule, was: 'its expression', reason: unreadable }] : []
    return { policy, after: unchanged, changes: [], refusals, helpers: [] }
  }
  const scope: MembershipScope = {
    table: policy.table,
    names: { tables: [...catalog.tables.values()], bodies, surroundings },
    helpers: keyHelpers,
    role: catalog.role,
    functions: catalog.functions,
    called: policy.functions,
    falselyImmutable: declaredFalsely(
      policy.functions,
      ({ volatility }) => volatility === 'i',
      readsChanging,
      bodies,
    ),
    hiddenVolatile: declaredFalsely(
      policy.functions,
      ({ volatility }) => volatility !== 'v',
      hiddenVolatile,
      bodies,
    ),
  }
  const changes: Change[] = []
  const refusals: Refusal[] = []
  const helpers: KeyHelper[] = []
  const rewrite = (tree: Node | undefined, text: string | null): string | null => {
    if (!tree) return text
    const turned = rules.has('policy_membership_function')
      ? turnMembership(tree, scope)
      : { tree, changes: [], refusals: [], helpers: [] }
    const around = rules.has('policy_correlated_subquery')
      ? turnCorrelated(turned.tree, scope, verdicts)
      : { tree: turned.tree, changes: [], refusals: [] }
    const wrapped = wrapCalls(around.tree, scope, rules)
    const made = [...turned.changes, ...around.changes, ...wrapped.changes]
    refusals.push(...turned.refusals, ...around.refusals, ...wrapped.refusals)
    if (made.length === 0) return text
    try {
      const printed = printExpression(wrapped.tree)
      changes.push(...made)
      helpers.push(...turned.helpers)
      return printed
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      refusals.push(...made.map(({ rule, was }) => ({ rule, was, reason })))
      return text
    }
  }
  const after = { using: rewrite(using, policy.using), check: rewrite(check, policy.check) }
  return leaveWhatMayNotChange(
    { policy, after, changes: unique(changes), refusals: unique(refusals), helpers: [...new Set(helpers)] },
    baseline.get(policy.oid),
  )
}

function declaredFalsely(
  called: CatalogFunction[],
  isMeant: (each: CatalogFunction) => boolean,
  look: (each: CatalogFunction, bodies: Bodies) => string | undefined,
  bodies: Bodies,
): Map<number, string> {
  const found = new Map<number, string>()
  for (const each of called.filter(isMeant)) {
    const what = look(each, bodies)
    if (what !== undefined) found.set(each.oid, what)
  }
  return found
}

/** Policies of a table that belongs to somebody else, or that fail already, stay as they are. */
function leaveWhatMayNotChange(rewrite: PolicyRewrite, failure: string | undefined): PolicyRewrite {
  const { policy, changes, refusals } = rewrite
  const { isOurs, owner, name } = policy.table
  if (changes.length === 0 || (isOurs && failure === undefined)) return rewrite
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
    refusals: [...refusals, ...changes.map(({ rule, was }) => ({ rule, was, ...why }))],
  }
}

function unique<T>(items: T[]): T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()]
}
