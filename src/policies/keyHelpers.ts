import { functionExists, functionIsAbsent } from '../conditions/functions.ts'
import { schemaExists, schemaIsAbsent } from '../conditions/schemas.ts'
import { tableExists } from '../conditions/tables.ts'
import { fitIdentifier, quote } from '../db/identifiers.ts'
import type { Draft } from '../drafts/draft.ts'
import { condition } from '../drafts/draft.ts'
import { scalarSubselect } from '../sql/build.ts'
import { printExpression } from '../sql/expression.ts'
import { as, nodesIn, words } from '../sql/nodes.ts'
import type { Node } from '../sql/nodes.ts'
import { replaceNodes } from '../sql/replaceNodes.ts'
import type { CatalogFunction } from './functionCatalog.ts'
import type { KeyQuery } from './membershipBody.ts'
import { sameKeys } from './membershipBody.ts'
import type { Surroundings } from './privateSchema.ts'
import { privateSchema } from './privateSchema.ts'

/** A set-returning function that lists the keys for which a membership function says yes. */
export interface KeyHelper {
  name: string
  /** The membership function whose keys it lists. */
  of: CatalogFunction
  keys: KeyQuery
  /** A function of that name and body is there already. */
  exists: boolean
}

/** The helpers that the policies of a database ask for, each once. */
export class KeyHelpers {
  readonly #surroundings: Surroundings
  readonly #helpers: KeyHelper[] = []

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
  }

  /** The helper for this function and these keys: one that is there, or one to be made under a free name. */
  for(called: CatalogFunction, keys: KeyQuery): KeyHelper {
    const known = this.#helpers.find((each) => each.of === called && sameKeys(each.keys, keys))
    if (known) return known
    const base = `${called.name}_${keys.keyColumn}s`
    for (let turn = 1; ; turn += 1) {
      const name = fitIdentifier(base, turn === 1 ? '' : `_${turn}`)
      if (this.#helpers.some((each) => each.name === name)) continue
      const present = this.#surroundings.helpers.filter(
        (each) => each.name === name && each.argumentTypes.length === 0,
      )
      const helper = { name, of: called, keys, exists: present.length > 0 }
      const [same] = present
      if (same && !isAsMade(same, helper)) continue
      this.#helpers.push(helper)
      return helper
    }
  }

  /** The roles that need USAGE on the schema, for all helpers. */
  usersOfSchema(): string[] {
    const users = [...new Set(this.#helpers.flatMap((helper) => usersOf(helper)))].sort()
    return users.includes('') ? [''] : users
  }

  /** The drafts that make these helpers, and the schema where it is missing; none for those that are there. */
  drafts(helpers: KeyHelper[]): Draft[] {
    const missing = [...new Set(helpers)].filter(({ exists }) => !exists)
    if (missing.length === 0) return []
    const { schemaExists: isThere, usage } = this.#surroundings
    const users = this.usersOfSchema()
    return [
      ...(isThere ? [] : [createSchema(users)]),
      ...missing.map((helper) =>
        createHelper(
          helper,
          isThere && !usage.includes('') ? usersOf(helper).filter((role) => !usage.includes(role)) : [],
        ),
      ),
    ]
  }
}

function createSchema(users: string[]): Draft {
  return {
    title: `create-schema-${privateSchema}`,
    rule: 'policy_membership_function',
    why: 'A place for functions that policies call and that no API may expose.',
    up: [
      `CREATE SCHEMA ${quote(privateSchema)}`,
      ...(users.length > 0 ? [`GRANT USAGE ON SCHEMA ${quote(privateSchema)} TO ${listRoles(users)}`] : []),
    ],
    down: [`DROP SCHEMA ${quote(privateSchema)}`],
    before: [condition(schemaIsAbsent, privateSchema)],
    after: [condition(schemaExists, privateSchema)],
  }
}

/**
 * ```sql
 * CREATE FUNCTION private.is_org_member_org_ids() RETURNS SETOF uuid
 * LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
 * BEGIN
 *   RETURN QUERY (SELECT m.org_id FROM public.members m WHERE m.user_id = (SELECT auth.uid()));
 * END
 * $$
 * ```
 *
 * PL/pgSQL, since it keeps its plan for the whole session. Who may call the membership function may call it.
 */
function createHelper(helper: KeyHelper, needUsage: string[]): Draft {
  const { name, of, keys } = helper
  const signature = `${quote(privateSchema)}.${quote(name)}()`
  const roles = usersOf(helper)
  const shown = `${of.schema}.${of.name}(${of.identityArguments})`
  const usage = `USAGE ON SCHEMA ${quote(privateSchema)}`
  const identity = { schema: privateSchema, name, args: '' }
  return {
    title: `create-${privateSchema}-${name}`,
    rule: 'policy_membership_function',
    why:
      `${shown} searches the memberships anew for every row. ${privateSchema}.${name}() lists, once per statement, the ` +
      `values of ${keys.keyColumn} for which it says yes, with the same rights and for the same callers.`,
    up: [
      `CREATE FUNCTION ${signature} RETURNS SETOF ${keys.keyType}\n` +
        `LANGUAGE plpgsql STABLE${of.isSecurityDefiner ? ' SECURITY DEFINER' : ''} SET search_path = ''\n` +
        `AS ${quoteBody(bodyOf(helper))}`,
      ...(roles.includes('') ? [] : [`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`]),
      ...(roles.length > 0 && !roles.includes('')
        ? [`GRANT EXECUTE ON FUNCTION ${signature} TO ${listRoles(roles)}`]
        : []),
      ...(needUsage.length > 0 ? [`GRANT ${usage} TO ${listRoles(needUsage)}`] : []),
    ],
    down: [
      ...(needUsage.length > 0 ? [`REVOKE ${usage} FROM ${listRoles(needUsage)}`] : []),
      `DROP FUNCTION ${signature}`,
    ],
    before: [
      condition(functionExists, { schema: of.schema, name: of.name, args: of.identityArguments }),
      ...tablesIn(keys.query).map((table) => condition(tableExists, table)),
      condition(functionIsAbsent, identity),
    ],
    after: [condition(functionExists, identity)],
  }
}

/** Who may call the membership function, `''` for everybody; its owner may anyway. */
function usersOf({ of }: KeyHelper): string[] {
  if (of.grantees === null || of.grantees.includes('')) return ['']
  return [...new Set(of.grantees)].filter((role) => role !== of.owner)
}

function bodyOf({ keys }: KeyHelper): string {
  const query = printExpression({ SubLink: { subLinkType: 'EXPR_SUBLINK', subselect: wrapAuth(keys.query) } })
  return `\nBEGIN\n  RETURN QUERY ${query};\nEND\n`
}

/** `auth.uid()` -> `(SELECT auth.uid())`: within the helper, too, it needs to run only once. */
function wrapAuth(query: Node): Node {
  return replaceNodes(query, (node) => {
    const link = as(node, 'SubLink')
    if (link?.subLinkType === 'EXPR_SUBLINK') return node
    const call = as(node, 'FuncCall')
    return call && words(call.funcname)[0] === 'auth' && !call.args ? scalarSubselect(node) : undefined
  })
}

/** In dollar quotes that the body does not hold. */
function quoteBody(body: string): string {
  let tag = '$$'
  for (let turn = 1; body.includes(tag); turn += 1) tag = `$body${turn}$`
  return `${tag}${body}${tag}`
}

function isAsMade(present: CatalogFunction, helper: KeyHelper): boolean {
  return (
    present.source === bodyOf(helper) &&
    present.returnsSet &&
    present.volatility === 's' &&
    present.isSecurityDefiner === helper.of.isSecurityDefiner &&
    present.owner === (helper.of.isSecurityDefiner ? helper.of.owner : present.owner)
  )
}

function tablesIn(query: Node): { schema: string; name: string }[] {
  return Array.from(nodesIn(query)).flatMap((node) => {
    const table = as(node, 'RangeVar')
    return table?.schemaname === undefined ? [] : [{ schema: table.schemaname, name: table.relname }]
  })
}

function listRoles(roles: string[]): string {
  return roles.map((role) => (role === '' ? 'PUBLIC' : quote(role))).join(', ')
}
