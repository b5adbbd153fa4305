import type { Database } from '../db/database.ts'
import type { PolicyPredicates } from '../introspect/policies.ts'
import { parseExpression, printExpression } from '../sql/expression.ts'
import type { Node } from '../sql/nodes.ts'
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
  return { catalog, parsed, bodies, surroundings: await readSurroundings(db) }
}

/** The bodies of the functions that policies call, and of those that these call, as far as they can be read. */
async function readBodies(db: Database, { functions }: PolicyCatalog): Promise<Bodies> {
  const bodies = new Map<number, FunctionBody>()
  const byName = new Map<string, CatalogFunction[]>()
  let next = [...functions.byOid.values()]
  while (next.length > 0) {
    const read: FunctionBody[] = []
    for (const each of next) {
      const body = each.kind === 'f' ? await readBody(each) : { unreadable: 'it is an aggregate' }
      if ('unreadable' in body) continue
      bodies.set(each.oid, body)
      read.push(body)
    }
    const names = namesCalled(read).filter((name) => !byName.has(name))
    for (const name of names) byName.set(name, [])
    const found = await readFunctionsNamed(db, names)
    for (const each of found) byName.get(each.name)?.push(each)
    next = found.filter(({ oid }) => !bodies.has(oid))
  }
  return { bodies, byName, functions }
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
  { catalog, bodies, surroundings }: ParsedPolicies,
  rules: ReadonlySet<RewriteRule>,
  keyHelpers: KeyHelpers,
): PolicyRewrite {
  const unchanged = { using: policy.using, check: policy.check }
  if (unreadable !== undefined) return { policy, after: unchanged, changes: [], refusals: [], helpers: [] }
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
    const wrapped = wrapCalls(turned.tree, scope, rules)
    const made = [...turned.changes, ...wrapped.changes]
    refusals.push(...turned.refusals, ...wrapped.refusals)
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
  return ownersOnly({
    policy,
    after,
    changes: unique(changes),
    refusals: unique(refusals),
    helpers: [...new Set(helpers)],
  })
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

/** Policies of a table that belongs to somebody else stay as they are. */
function ownersOnly(rewrite: PolicyRewrite): PolicyRewrite {
  const { policy, changes, refusals } = rewrite
  if (policy.table.isOurs || changes.length === 0) return rewrite
  const { owner } = policy.table
  const reason = `the table belongs to ${owner}, and only its owner may alter its policies`
  return {
    policy,
    after: { using: policy.using, check: policy.check },
    changes: [],
    helpers: [],
    refusals: [
      ...refusals,
      ...changes.map(({ rule, was }) => ({
        rule,
        was,
        reason,
        steps: [`Run this command as ${owner}, or as a member of that role.`],
      })),
    ],
  }
}

function unique<T>(items: T[]): T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()]
}
