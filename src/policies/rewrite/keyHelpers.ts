import { functionExists, functionIsAbsent } from '../../conditions/functions.ts'
import { schemaExists, schemaIsAbsent } from '../../conditions/schemas.ts'
import { relationExists, tableExists } from '../../conditions/tables.ts'
import { fitIdentifier, quote } from '../../postgres/identifiers.ts'
import type { ConditionCall, Operation } from '../../operations/operation.ts'
import { condition, work } from '../../operations/operation.ts'
import { arraySubselect, scalarSubselect } from '../../syntax/build.ts'
import { printExpression } from '../../syntax/expression.ts'
import { as, words } from '../../syntax/nodes.ts'
import type { Node } from '../../syntax/nodes.ts'
import { relationsIn } from '../../syntax/relations.ts'
import { replaceNodes } from '../../syntax/replaceNodes.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { KeyQuery } from '../read/membershipBody.ts'
import { sameKeys } from '../read/membershipBody.ts'
import type { Surroundings } from '../read/privateSchema.ts'
import { privateSchema } from '../read/privateSchema.ts'
import type { Reach } from '../read/reach.ts'
import type { KnownNames } from '../read/searchPath.ts'
import { searchPathOf, whyPathMatters } from '../read/searchPath.ts'

/** A function that returns, as one array, the keys for which a membership function returns true. */
export interface KeyHelper {
  name: string
  /** The membership function whose keys it lists. */
  of: CatalogFunction
  keys: KeyQuery
  /** The `search_path` that it sets; undefined if it uses the caller's. */
  searchPath: string[] | undefined
  /** A function with that name and body exists already. */
  exists: boolean
}

/** The helpers that the policies of a database need, each once. */
export class KeyHelpers {
  readonly #surroundings: Surroundings
  readonly #names: KnownNames
  readonly #helpers: KeyHelper[] = []
  readonly #operations = new Map<KeyHelper, Operation>()

  constructor(surroundings: Surroundings, reach: Reach) {
    this.#surroundings = surroundings
    this.#names = { reach, isBuiltinType: (name) => surroundings.builtinTypes.has(name) }
  }

  /** The helper for this function and these keys: an existing one, or a new one with a free name. */
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
      const searchPath = this.#searchPathFor(called)
      const helper = { name, of: called, keys, searchPath, exists: present.length > 0 }
      const [same] = present
      if (same && !isAsMade(same, helper)) continue
      this.#helpers.push(helper)
      return helper
    }
  }

  /**
   * The path that the function itself sets, since the functions that it calls use it too. If it sets none and no name
   * that it reaches needs a path: the empty one, into which nobody can put objects.
   */
  #searchPathFor(called: CatalogFunction): string[] | undefined {
    return searchPathOf(called) ?? (whyPathMatters(called, this.#names) === undefined ? [''] : undefined)
  }

  /** The roles that need USAGE on the schema, for all helpers. */
  usersOfSchema(): string[] {
    const users = [...new Set(this.#helpers.flatMap((helper) => usersOf(helper)))].sort()
    return users.includes('') ? [''] : users
  }

  /** The operations that make the missing ones of these helpers, and the schema if it is missing. */
  operations(helpers: KeyHelper[]): Operation[] {
    const missing = [...new Set(helpers)].filter(({ exists }) => !exists)
    if (missing.length === 0) return []
    const usage = this.#surroundings.schema?.usage
    const users = this.usersOfSchema()
    return [
      ...(usage ? [] : [createSchema(users)]),
      ...missing.map((helper) => {
        const operation =
          this.#operations.get(helper) ??
          createHelper(
            helper,
            usage && !usage.includes('') ? usersOf(helper).filter((role) => !usage.includes(role)) : [],
            this.#names.reach,
          )
        this.#operations.set(helper, operation)
        return operation
      }),
    ]
  }
}

function createSchema(users: string[]): Operation {
  return {
    ...work('createKeyHelper', privateSchema),
    on: [privateSchema],
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
 * CREATE FUNCTION private.is_org_member_org_ids() RETURNS uuid[]
 * LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
 * BEGIN
 *   RETURN ARRAY(SELECT m.org_id FROM public.members m WHERE m.user_id = (SELECT auth.uid()));
 * END
 * $$
 * ```
 *
 * PL/pgSQL keeps the plan for the whole session. The helper has the callers, rights and `search_path` of the membership
 * function: rights and path decide what its names mean, and those in the functions that it calls.
 */
function createHelper(helper: KeyHelper, needUsage: string[], reach: Reach): Operation {
  const { name, of, keys } = helper
  const signature = `${quote(privateSchema)}.${quote(name)}()`
  const roles = usersOf(helper)
  const shown = `${of.schema}.${of.name}(${of.args})`
  const usage = `USAGE ON SCHEMA ${quote(privateSchema)}`
  const identity = { schema: privateSchema, name, args: '' }
  return {
    ...work('createKeyHelper', identity, bodyOf(helper)),
    on: [privateSchema],
    title: `create-${privateSchema}-${name}`,
    rule: 'policy_membership_function',
    why:
      `${shown} searches the memberships again for every row. ${privateSchema}.${name}() lists, once per statement, the ` +
      `values of ${keys.keyColumn} for which it returns true, with the same rights and for the same callers.`,
    up: [
      `CREATE FUNCTION ${signature} RETURNS ${keys.keyType}[]\n` +
        `LANGUAGE plpgsql STABLE${of.isSecurityDefiner ? ' SECURITY DEFINER' : ''}${setSearchPath(helper)}\n` +
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
      condition(functionExists, { schema: of.schema, name: of.name, args: of.args }),
      ...relationsExist(keys.query, reach),
      condition(functionIsAbsent, identity),
    ],
    after: [condition(functionExists, identity)],
  }
}

/** Who may call the membership function, `''` for everybody; without its owner, who always may. */
function usersOf({ of }: KeyHelper): string[] {
  if (of.grantees === null || of.grantees.includes('')) return ['']
  return [...new Set(of.grantees)].filter((role) => role !== of.owner)
}

function bodyOf({ keys }: KeyHelper): string {
  return `\nBEGIN\n  RETURN ${printExpression(arraySubselect(wrapAuth(keys.query)))};\nEND\n`
}

/** `auth.uid()` -> `(SELECT auth.uid())`: in the helper, too, it needs to run only once. */
function wrapAuth(query: Node): Node {
  return replaceNodes(query, (node) => {
    const link = as(node, 'SubLink')
    if (link?.subLinkType === 'EXPR_SUBLINK') return node
    const call = as(node, 'FuncCall')
    return call && words(call.funcname)[0] === 'auth' && !call.args ? scalarSubselect(node) : undefined
  })
}

function setSearchPath({ searchPath }: KeyHelper): string {
  if (!searchPath) return ''
  return ` SET search_path = ${searchPath.map((schema) => (schema === '' ? "''" : quote(schema))).join(', ')}`
}

/** Puts the body into dollar quotes that do not occur in it. */
function quoteBody(body: string): string {
  let tag = '$$'
  for (let turn = 1; body.includes(tag); turn += 1) tag = `$body${turn}$`
  return `${tag}${body}${tag}`
}

function isAsMade(present: CatalogFunction, helper: KeyHelper): boolean {
  return (
    present.source === bodyOf(helper) &&
    !present.returnsSet &&
    present.volatility === 'stable' &&
    JSON.stringify(searchPathOf(present)) === JSON.stringify(helper.searchPath) &&
    present.isSecurityDefiner === helper.of.isSecurityDefiner &&
    present.owner === (helper.of.isSecurityDefiner ? helper.of.owner : present.owner)
  )
}

/** The conditions that the relations exist which the query names with a schema. */
function relationsExist(query: Node, { relations }: Reach): ConditionCall[] {
  return relationsIn(query).flatMap(({ schema, name }) => {
    const found = (relations.get(name) ?? []).find((each) => each.schema === schema)
    if (!found) return []
    const isTable = ['r', 'p', 'f'].includes(found.kind)
    return condition(isTable ? tableExists : relationExists, { schema: found.schema, name })
  })
}

function listRoles(roles: string[]): string {
  return roles.map((role) => (role === '' ? 'PUBLIC' : quote(role))).join(', ')
}
