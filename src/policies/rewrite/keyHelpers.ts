import type { RelationName } from '../../postgres/identifiers.ts'
import { relationExists, tableExists } from '../../conditions/tables.ts'
import type { ConditionCall } from '../../operations/operation.ts'
import { condition } from '../../operations/operation.ts'
import { arraySubselect, scalarSubselect } from '../../syntax/build.ts'
import { printExpression } from '../../syntax/expression.ts'
import { as, words } from '../../syntax/nodes.ts'
import type { Node } from '../../syntax/nodes.ts'
import { relationsIn } from '../../syntax/relations.ts'
import { replaceNodes } from '../../syntax/replaceNodes.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { KeyQuery } from '../read/membershipBody.ts'
import { sameKeys } from '../read/membershipBody.ts'
import { privateSchema } from '../read/privateSchema.ts'
import type { Reach } from '../read/reach.ts'
import type { KnownNames } from '../read/searchPath.ts'
import { searchPathOf, whyPathMatters } from '../read/searchPath.ts'
import type { HelperFunction, HelperFunctions } from './helperFunctions.ts'

/**
 * A function that returns, as one array, the keys for which a membership function returns true. It has the callers,
 * rights and `search_path` of the membership function: rights and path decide what its names mean, and those in the
 * functions that it calls.
 *
 * ```sql
 * CREATE FUNCTION private.is_org_member_org_ids() RETURNS uuid[]
 * LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
 * BEGIN
 *   RETURN ARRAY(SELECT m.org_id FROM public.members m WHERE m.user_id = (SELECT auth.uid()));
 * END
 * $$
 * ```
 */
export interface KeyHelper extends HelperFunction {
  keys: KeyQuery
}

/** The key helpers that the policies of a database need, each once. */
export class KeyHelpers {
  readonly #functions: HelperFunctions
  readonly #names: KnownNames
  readonly #helpers: KeyHelper[] = []
  readonly #values: HelperFunction[] = []

  constructor(functions: HelperFunctions, names: KnownNames) {
    this.#functions = functions
    this.#names = names
  }

  /** The helper for this membership function and these keys. */
  for(called: CatalogFunction, keys: KeyQuery): KeyHelper {
    const known = this.#helpers.find((each) => each.of === called && sameKeys(each.keys, keys))
    if (known) return known
    const why = (name: string) =>
      `${called.schema}.${called.name}(${called.args}) searches the memberships again for every row. ` +
      `${privateSchema}.${name}() lists, once per statement, the values of ${keys.keyColumn} for which it ` +
      'returns true, with the same rights and for the same callers.'
    const helper = this.#functions.add<KeyHelper>(`${called.name}_${keys.keyColumn}s`, {
      ...this.#inherited(called, why, keys.query),
      keys,
      returns: `${keys.keyType}[]`,
      body: bodyOf(keys),
    })
    this.#functions.use(helper)
    this.#helpers.push(helper)
    return helper
  }

  /** A helper for a part of the function's body that reads nothing of the row. */
  forValue(called: CatalogFunction, value: Node, returns: string): HelperFunction {
    const body = `\nBEGIN\n  RETURN ${printExpression(wrapAuth(value))};\nEND\n`
    const known = this.#values.find((each) => each.of === called && each.body === body)
    if (known) return known
    const why = (name: string) =>
      `A part of ${called.schema}.${called.name}(${called.args}) is the same for every row. ` +
      `${privateSchema}.${name}() computes it once per statement, with the same rights and for the same callers.`
    const helper = this.#functions.add<HelperFunction>(
      `${called.name}_${returns === 'boolean' ? 'holds' : 'value'}`,
      { ...this.#inherited(called, why, value), returns, body },
    )
    this.#functions.use(helper)
    this.#values.push(helper)
    return helper
  }

  /** What a helper has of the function whose place it takes: rights, path and callers. */
  #inherited(called: CatalogFunction, why: (name: string) => string, reads: Node) {
    return {
      of: called,
      isSecurityDefiner: called.isSecurityDefiner,
      isParallelSafe: false,
      searchPath: this.#searchPathFor(called),
      callers: callersOf(called),
      reason: {
        kind: 'createKeyHelper',
        rule: 'policy_membership_function',
        why,
        before: relationsExist(reads, this.#names.reach),
      },
    } as const
  }

  /** The helper that such a call means. */
  named({ schema, name }: RelationName): HelperFunction | undefined {
    if (schema !== privateSchema) return undefined
    return [...this.#helpers, ...this.#values].find((each) => each.name === name)
  }

  /**
   * The path that the function itself sets, since the functions that it calls use it too. If it sets none and no name
   * that it reaches needs a path: the empty one, into which nobody can put objects.
   */
  #searchPathFor(called: CatalogFunction): string[] | undefined {
    return searchPathOf(called) ?? (whyPathMatters(called, this.#names) === undefined ? [''] : undefined)
  }
}

/** Who may call the membership function, `''` for everybody; without its owner, who always may. */
function callersOf({ grantees, owner }: CatalogFunction): string[] {
  if (grantees === null || grantees.includes('')) return ['']
  return [...new Set(grantees)].filter((role) => role !== owner)
}

function bodyOf({ query }: KeyQuery): string {
  return `\nBEGIN\n  RETURN ${printExpression(arraySubselect(wrapAuth(query)))};\nEND\n`
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

/** The conditions that the relations exist which the query names with a schema. */
function relationsExist(query: Node, { relations }: Reach): ConditionCall[] {
  return relationsIn(query).flatMap(({ schema, name }) => {
    const found = (relations.get(name) ?? []).find((each) => each.schema === schema)
    if (!found) return []
    const isTable = ['r', 'p', 'f'].includes(found.kind)
    return condition(isTable ? tableExists : relationExists, { schema: found.schema, name })
  })
}
