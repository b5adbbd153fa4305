import type { Database } from '../db/database.ts'
import type { PolicyPredicates } from '../introspect/policies.ts'
import { parseExpression, printExpression } from '../sql/expression.ts'
import type { Node } from '../sql/nodes.ts'
import type { Scope } from './calls.ts'
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
import { prepareTypes, wrapCalls } from './wrapCalls.ts'

/** What can be done for one policy. */
export interface PolicyRewrite {
  policy: Policy
  /** In our own words where it changes: the server prints it anew before it goes into a file. */
  after: PolicyPredicates
  changes: Change[]
  refusals: Refusal[]
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
}

/** Reads every policy and parses its expressions. */
export async function readParsedPolicies(db: Database): Promise<ParsedPolicies> {
  const catalog = await readPolicyCatalog(db)
  await prepareTypes([...catalog.functions.byOid.values()].map(({ returnType }) => returnType))
  const parsed: ParsedPolicy[] = []
  for (const policy of catalog.policies) parsed.push(await parsePolicy(policy))
  return { catalog, parsed, bodies: await readBodies(db, catalog) }
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

/** Every policy that breaks one of these rules, with its rewrite or the reason why it is left. */
export function rewritePolicies(
  policies: ParsedPolicies,
  rules: ReadonlySet<RewriteRule> = new Set(rewriteRules),
): PolicyRewrite[] {
  return policies.parsed
    .map((each) => rewritePolicy(each, policies, rules))
    .filter(({ changes, refusals }) => changes.length > 0 || refusals.length > 0)
}

function rewritePolicy(
  { policy, using, check, unreadable }: ParsedPolicy,
  { catalog, bodies }: ParsedPolicies,
  rules: ReadonlySet<RewriteRule>,
): PolicyRewrite {
  const unchanged = { using: policy.using, check: policy.check }
  if (unreadable !== undefined) return { policy, after: unchanged, changes: [], refusals: [] }
  const scope: Scope = {
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
  const rewrite = (tree: Node | undefined, text: string | null): string | null => {
    if (!tree) return text
    const rewritten = wrapCalls(tree, scope, rules)
    refusals.push(...rewritten.refusals)
    if (rewritten.changes.length === 0) return text
    try {
      const printed = printExpression(rewritten.tree)
      changes.push(...rewritten.changes)
      return printed
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      refusals.push(...rewritten.changes.map(({ rule, was }) => ({ rule, was, reason })))
      return text
    }
  }
  const after = { using: rewrite(using, policy.using), check: rewrite(check, policy.check) }
  return ownersOnly({ policy, after, changes: unique(changes), refusals: unique(refusals) })
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
