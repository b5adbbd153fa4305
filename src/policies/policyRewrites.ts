import type { Database } from '../db/database.ts'
import type { PolicyPredicates } from '../introspect/policies.ts'
import { parseExpression, printExpression } from '../sql/expression.ts'
import type { Node } from '../sql/nodes.ts'
import type { Scope } from './calls.ts'
import type { Change, Refusal, RewriteRule } from './change.ts'
import { rewriteRules } from './change.ts'
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
}

/** Reads every policy and parses its expressions. */
export async function readParsedPolicies(db: Database): Promise<ParsedPolicies> {
  const catalog = await readPolicyCatalog(db)
  await prepareTypes([...catalog.functions.byOid.values()].map(({ returnType }) => returnType))
  const parsed: ParsedPolicy[] = []
  for (const policy of catalog.policies) parsed.push(await parsePolicy(policy))
  return { catalog, parsed }
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
  { catalog, parsed }: ParsedPolicies,
  rules: ReadonlySet<RewriteRule> = new Set(rewriteRules),
): PolicyRewrite[] {
  return parsed
    .map((each) => rewritePolicy(each, catalog, rules))
    .filter(({ changes, refusals }) => changes.length > 0 || refusals.length > 0)
}

function rewritePolicy(
  { policy, using, check, unreadable }: ParsedPolicy,
  catalog: PolicyCatalog,
  rules: ReadonlySet<RewriteRule>,
): PolicyRewrite {
  const unchanged = { using: policy.using, check: policy.check }
  if (unreadable !== undefined) return { policy, after: unchanged, changes: [], refusals: [] }
  const scope: Scope = {
    functions: catalog.functions,
    called: policy.functions,
    falselyImmutable: new Map(),
    hiddenVolatile: new Map(),
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
