import { functionExists, functionIsAbsent } from '../../conditions/functions.ts'
import { schemaExists, schemaIsAbsent } from '../../conditions/schemas.ts'
import { dollarQuote } from '../../postgres/dollarQuote.ts'
import { fitIdentifier, quote } from '../../postgres/identifiers.ts'
import type { ConditionCall, Operation, OperationKind } from '../../operations/operation.ts'
import { condition, work } from '../../operations/operation.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import type { Surroundings } from '../read/privateSchema.ts'
import { privateSchema } from '../read/privateSchema.ts'
import { searchPathOf } from '../read/searchPath.ts'
import type { RewriteRule } from './change.ts'

/** A PL/pgSQL function without arguments that policies call in place of another function. */
export interface HelperFunction {
  name: string
  /** The function that it takes the place of. */
  of: CatalogFunction
  /** The type that it returns, as `format_type` prints it. */
  returns: string
  /** What is between the quotes. */
  body: string
  isSecurityDefiner: boolean
  isParallelSafe: boolean
  /** The `search_path` that it sets; undefined if it uses the caller's. */
  searchPath: string[] | undefined
  /** Who may call it, `['']` for everybody; its owner always may. */
  callers: string[]
  /** For the migration that creates it. */
  reason: { kind: OperationKind; rule: RewriteRule; why(name: string): string; before: ConditionCall[] }
  /** A function with that name and body exists already. */
  exists: boolean
}

/** A helper that has no name yet. */
export type Unnamed<T extends HelperFunction> = Omit<T, 'name' | 'exists'>

/** The helpers that the policies of a database need, each once. */
export class HelperFunctions {
  readonly #surroundings: Surroundings
  readonly #helpers: HelperFunction[] = []
  readonly #used = new Set<HelperFunction>()
  readonly #operations = new Map<HelperFunction, Operation>()

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
  }

  /**
   * A function that exists and is the wanted one, or a new one with a free name.
   *
   * @param isMade whether a function of that name is the wanted one
   */
  add<T extends HelperFunction>(
    base: string,
    wanted: Unnamed<T>,
    isMade: (present: CatalogFunction) => boolean = (present) => isAsMade(present, wanted),
  ): T {
    for (let turn = 1; ; turn += 1) {
      const name = fitIdentifier(base, turn === 1 ? '' : `_${turn}`)
      if (this.#helpers.some((each) => each.name === name)) continue
      const [present] = this.#surroundings.helpers.filter(
        (each) => each.name === name && each.argumentTypes.length === 0,
      )
      if (present && !isMade(present)) continue
      const helper = { ...wanted, name, exists: present !== undefined } as T
      this.#helpers.push(helper)
      return helper
    }
  }

  /** Says that policies will call the helper: its callers then need USAGE on the schema. */
  use(helper: HelperFunction): void {
    this.#used.add(helper)
  }

  /** The operations that make the missing ones of these helpers, and the schema if it is missing. */
  operations(helpers: HelperFunction[]): Operation[] {
    const missing = [...new Set(helpers)].filter(({ exists }) => !exists)
    if (missing.length === 0) return []
    const { schema, defaultCallers } = this.#surroundings
    const usage = schema?.usage
    return [
      ...(usage ? [] : [this.#createSchema(missing)]),
      ...missing.map((helper) => {
        const operation =
          this.#operations.get(helper) ??
          createHelper(
            helper,
            usage && !usage.includes('') ? helper.callers.filter((role) => !usage.includes(role)) : [],
            defaultCallers,
          )
        this.#operations.set(helper, operation)
        return operation
      }),
    ]
  }

  /** The same for the policies of all tables, since one migration creates it. */
  #createSchema(missing: HelperFunction[]): Operation {
    const all = [...this.#used, ...missing]
    return createSchema(callersOf(all), all[0]?.reason.rule ?? 'policy_membership_function')
  }
}

function callersOf(helpers: HelperFunction[]): string[] {
  const callers = [...new Set(helpers.flatMap((helper) => helper.callers))].sort()
  return callers.includes('') ? [''] : callers
}

function createSchema(users: string[], rule: RewriteRule): Operation {
  return {
    ...work('createKeyHelper', privateSchema),
    on: [privateSchema],
    title: `create-schema-${privateSchema}`,
    rule,
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

/** PL/pgSQL keeps the plan of the helper's body for the whole session. */
function createHelper(helper: HelperFunction, needUsage: string[], defaultCallers: string[]): Operation {
  const { name, of, returns, body, callers, reason } = helper
  const signature = `${quote(privateSchema)}.${quote(name)}()`
  const usage = `USAGE ON SCHEMA ${quote(privateSchema)}`
  const identity = { schema: privateSchema, name, args: '' }
  const { kind, rule, why, before } = reason
  return {
    ...work(kind, identity, body),
    on: [privateSchema],
    title: `create-${privateSchema}-${name}`,
    rule,
    why: why(name),
    up: [
      `CREATE FUNCTION ${signature} RETURNS ${returns}\n` +
        `LANGUAGE plpgsql STABLE${propertiesOf(helper)}\n` +
        `AS ${dollarQuote(body)}`,
      ...setCallers(signature, callers, defaultCallers),
      ...(needUsage.length > 0 ? [`GRANT ${usage} TO ${listRoles(needUsage)}`] : []),
    ],
    down: [
      ...(needUsage.length > 0 ? [`REVOKE ${usage} FROM ${listRoles(needUsage)}`] : []),
      `DROP FUNCTION ${signature}`,
    ],
    before: [
      condition(functionExists, { schema: of.schema, name: of.name, args: of.args }),
      ...before,
      condition(functionIsAbsent, identity),
    ],
    after: [condition(functionExists, identity)],
  }
}

/** From those who may call it by default, here or where the migration runs, to those who shall. */
function setCallers(signature: string, callers: string[], byDefault: string[]): string[] {
  if (callers.includes('')) {
    return byDefault.includes('') ? [] : [`GRANT EXECUTE ON FUNCTION ${signature} TO PUBLIC`]
  }
  const surplus = ['', ...byDefault.filter((role) => role !== '' && !callers.includes(role))]
  return [
    `REVOKE ALL ON FUNCTION ${signature} FROM ${listRoles(surplus)}`,
    ...(callers.length > 0 ? [`GRANT EXECUTE ON FUNCTION ${signature} TO ${listRoles(callers)}`] : []),
  ]
}

function propertiesOf({ isSecurityDefiner, isParallelSafe, searchPath }: HelperFunction): string {
  const path = searchPath?.map((schema) => (schema === '' ? "''" : quote(schema))).join(', ')
  return [
    isSecurityDefiner ? ' SECURITY DEFINER' : '',
    isParallelSafe ? ' PARALLEL SAFE' : '',
    path === undefined ? '' : ` SET search_path = ${path}`,
  ].join('')
}

function isAsMade(present: CatalogFunction, helper: Unnamed<HelperFunction>): boolean {
  return (
    present.source === helper.body &&
    !present.returnsSet &&
    present.volatility === 'stable' &&
    JSON.stringify(searchPathOf(present)) === JSON.stringify(helper.searchPath) &&
    present.isSecurityDefiner === helper.isSecurityDefiner &&
    present.owner === (helper.isSecurityDefiner ? helper.of.owner : present.owner)
  )
}

function listRoles(roles: string[]): string {
  return roles.map((role) => (role === '' ? 'PUBLIC' : quote(role))).join(', ')
}
