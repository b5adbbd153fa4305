import type { FuncCall, Node, OperatorExpression, SelectStmt, TypeCast } from '../../syntax/nodes.ts'
import { as, conjuncts, isNode, kindOf, nodesIn, words } from '../../syntax/nodes.ts'
import { aliasesOf } from '../../syntax/rowReferences.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { nameOf } from './declarations.ts'
import { firstOf } from './firstOf.ts'
import {
  aggregates,
  clocks,
  harmlessKinds,
  isHarmlessCast,
  lengths,
  normalType,
  patternOperators,
  texts,
  totalFunctions,
  totalOperators,
  totalWithConstants,
} from './neverFails.ts'
import { otherSettingOf } from './searchPath.ts'
import type { Reach } from './reach.ts'
import type { CatalogTable } from './tableCatalog.ts'

/** A way in which evaluating an expression may raise an error. */
export interface Hazard {
  /** A phrase: `public.f() has RAISE EXCEPTION`, `the cast of m.level to integer may fail`. */
  what: string
  /** A function raises an error on purpose, for callers that it rejects. */
  isOnPurpose: boolean
}

/** Whose rights count: functions run as `user`, relations are read as `reader`. */
interface Rights {
  /** Undefined for the caller. */
  user: string | undefined
  reader: string | undefined
}

/** The names that an expression can refer to. */
interface InSight {
  columns: { relation: string; name: string; type: string }[]
  /** Parameters of the function whose body this is, with their types. */
  parameters: Map<string, string>
  numbered: string[]
  /** Names of WITH queries. */
  queries: ReadonlySet<string>
  /** This is the body of a function that only tells who is calling. */
  tellsCaller: boolean
}

const nothingInSight: InSight = {
  columns: [],
  parameters: new Map(),
  numbered: [],
  queries: new Set(),
  tellsCaller: false,
}

/**
 * Tells how evaluating an expression may raise an error: through its operators and casts, and through everything that it
 * reaches: functions, views, and the policies of the tables that it reads. An expression that runs once per statement,
 * and no longer only for the rows that other conditions leave, must have no hazard.
 *
 * The cast of a claim to uuid in `auth.uid()` is no hazard, and neither is a cast in other functions without parameters
 * that only read settings: every policy that asks who is calling refuses a token with another value. If another
 * condition comes first today, `isShielded` finds it.
 */
export class Hazards {
  readonly #reach: Reach
  readonly #ofFunctions = new Map<string, Hazard | undefined | 'open'>()
  readonly #ofTables = new Map<string, Hazard | undefined | 'open'>()

  /** Whether bad claims and settings count too, not only the values of rows. */
  readonly #callerCounts: boolean
  #ofRows: Hazards | undefined

  constructor(reach: Reach, callerCounts = true) {
    this.#reach = reach
    this.#callerCounts = callerCounts
  }

  /** The same, for callers whose claims and settings are complete and of the right types. */
  get ofRows(): Hazards {
    this.#ofRows ??= new Hazards(this.#reach, false)
    return this.#ofRows
  }

  /**
   * The hazard of evaluating the expression, or undefined.
   *
   * @param user the role whose rights count; undefined for the caller's
   * @param table the policy's table, whose columns the expression may name
   */
  of(expression: unknown, user?: string, table?: CatalogTable): Hazard | undefined {
    const columns = table ? columnsOf(table.name, table) : []
    return this.#within(expression, { user, reader: user }, { ...nothingInSight, columns })
  }

  /** Whether the expression calls a function that is declared VOLATILE: the planner does not run such a call. */
  callsVolatile(expression: unknown): boolean {
    return nodesIn(expression).some((node) => {
      const call = as(node, 'FuncCall')
      if (!call) return false
      const { schema, name } = nameOf(call)
      const builtin = schema === undefined || schema === 'pg_catalog' ? this.#builtin(name) : undefined
      return [...this.#functions(schema, name), ...(builtin ? [builtin] : [])].some(
        ({ volatility }) => volatility === 'volatile',
      )
    })
  }

  #builtin(name: string) {
    return this.#reach.functions.builtin.get(name)
  }

  /** Whether the expression uses only constants and the session's settings: `auth.uid()` and the like. */
  readsOnlySettings(expression: unknown): boolean {
    return isConstant(expression as Node) || this.#isOfCaller(expression)
  }

  /** The type of an expression in the table's policy, as far as the tree shows it; `tree` is the whole predicate. */
  typeOf(expression: Node, table: CatalogTable, tree: Node): string | undefined {
    const columns = [...columnsOf(table.name, table), ...this.#columnsRead(tree)]
    return this.#typeOf(expression, { ...nothingInSight, columns })
  }

  #within(value: unknown, rights: Rights, sight: InSight): Hazard | undefined {
    if (Array.isArray(value)) return firstOf(value, (item) => this.#within(item, rights, sight))
    if (typeof value !== 'object' || value === null) return undefined
    if (!isNode(value)) return firstOf(Object.values(value), (child) => this.#within(child, rights, sight))
    const select = as(value, 'SelectStmt')
    if (select) return this.#ofSelect(select, rights, sight)
    const own = this.#ofNode(value, rights, sight)
    return own ?? firstOf(Object.values(value), (child) => this.#within(child, rights, sight))
  }

  #ofNode(node: Node, rights: Rights, sight: InSight): Hazard | undefined {
    const call = as(node, 'FuncCall')
    if (call) return this.#ofCall(call, rights, sight)
    const cast = as(node, 'TypeCast')
    if (cast) return this.#ofCast(cast, sight)
    const operator = as(node, 'A_Expr')
    if (operator) return this.#ofOperator(operator, sight)
    const link = as(node, 'SubLink')
    if (link?.subLinkType === 'EXPR_SUBLINK') return this.#ofScalar(as(link.subselect, 'SelectStmt'))
    const relation = as(node, 'RangeVar')
    if (relation) {
      if (relation.schemaname === undefined && sight.queries.has(relation.relname)) return undefined
      return firstOf(this.#relations(relation.schemaname, relation.relname), (each) =>
        this.#ofTable(each, rights),
      )
    }
    return harmlessKinds.has(kindOf(node)) ? undefined : hazard(`it holds ${kindOf(node)}`)
  }

  #ofSelect(select: SelectStmt, rights: Rights, sight: InSight): Hazard | undefined {
    const ctes = (select.withClause?.ctes ?? []).flatMap((each) => as(each, 'CommonTableExpr')?.ctename ?? [])
    const queries = new Set([...sight.queries, ...ctes])
    const inner = { ...sight, queries, columns: [...this.#columnsRead(select.fromClause), ...sight.columns] }
    return firstOf(Object.values(select), (child) => this.#within(child, rights, inner))
  }

  #ofCall(call: FuncCall, rights: Rights, sight: InSight): Hazard | undefined {
    const { schema, name } = nameOf(call)
    const own = this.#functions(schema, name)
    if (own.length === 0) return this.#ofBuiltin(call, name, schema)
    return firstOf(own, (each) => {
      const user = each.isSecurityDefiner ? each.owner : rights.user
      if (user === undefined && holdsColumn(call.args, sight) && this.#readsTables(each)) {
        return hazard(
          `${shown(each)} reads tables with the caller's rights, for each row that it is called for`,
        )
      }
      return this.#ofFunction(each, user)
    })
  }

  #ofBuiltin(call: FuncCall, name: string, schema: string | undefined): Hazard | undefined {
    if (schema !== undefined && schema !== 'pg_catalog')
      return hazard(`nothing is known of ${schema}.${name}()`)
    if (name === 'current_setting' || name === 'pg_catalog.current_setting') {
      const [setting, missing] = call.args ?? []
      const text = as(setting, 'A_Const')?.sval?.sval ?? ''
      const mayBeMissing = as(missing, 'A_Const')?.boolval?.boolval === true
      return mayBeMissing || !text.includes('.') || !this.#callerCounts
        ? undefined
        : hazard(`current_setting('${text}') fails if nobody has set it`)
    }
    const isFixed = (call.args ?? []).filter((argument) => !isConstant(argument)).length <= 1
    if (totalFunctions.has(name) || (isFixed && totalWithConstants.has(name))) return undefined
    return hazard(`${name}() may fail`)
  }

  #ofFunction(called: CatalogFunction, user: string | undefined): Hazard | undefined {
    const key = `${called.oid} ${user ?? ''}`
    const known = this.#ofFunctions.get(key)
    if (known === 'open') return hazard(`${shown(called)} calls itself`)
    if (known !== undefined || this.#ofFunctions.has(key)) return known
    this.#ofFunctions.set(key, 'open')
    const found = this.#look(called, user)
    this.#ofFunctions.set(key, found)
    return found
  }

  #look(called: CatalogFunction, user: string | undefined): Hazard | undefined {
    const body = this.#reach.bodies.get(called.oid)
    if (!body)
      return hazard(`${shown(called)}: ${this.#reach.unreadable.get(called.oid) ?? 'its body is not known'}`)
    if (body.raises !== undefined) return { what: `${shown(called)} ${body.raises}`, isOnPurpose: true }
    const setting = otherSettingOf(called)
    if (setting !== undefined) return hazard(`${shown(called)} sets ${setting} while it runs`)
    if (body.isDynamic) return hazard(`${shown(called)} runs dynamic SQL`)
    const narrow = body.variableTypes?.find((type) => /\(\s*\d/.test(type))
    if (narrow !== undefined) return hazard(`${shown(called)} assigns to a variable of type ${narrow}`)
    const parameters = new Map(
      called.argumentNames
        .slice(0, called.argumentTypes.length)
        .map((name, at) => [name, called.argumentTypes[at] ?? '']),
    )
    const tellsCaller = called.argumentTypes.length === 0 && this.#isOfCaller(body.parts)
    const sight = { ...nothingInSight, parameters, numbered: called.argumentTypes, tellsCaller }
    const found = this.#within(body.parts, { user, reader: user }, sight)
    return found && { ...found, what: `${shown(called)}: ${found.what}` }
  }

  /** Reading a table evaluates its policies, except for its owner; reading a view evaluates its query. */
  #ofTable(table: CatalogTable, rights: Rights): Hazard | undefined {
    const isView = table.kind === 'v'
    const judged = table.rowSecurity && !this.#isExempt(table, rights.reader)
    if (!isView && !judged) return table.kind === 'f' ? hazard(`${table.name} is a foreign table`) : undefined
    const key = `${table.oid} ${rights.user ?? ''} ${rights.reader ?? ''}`
    const known = this.#ofTables.get(key)
    if (known === 'open') return hazard(`the policies of ${table.schema}.${table.name} read it again (42P17)`)
    if (known !== undefined || this.#ofTables.has(key)) return known
    this.#ofTables.set(key, 'open')
    const found = isView ? this.#ofView(table, rights) : this.#ofPolicies(table, rights)
    this.#ofTables.set(key, found)
    return found
  }

  #ofView(view: CatalogTable, rights: Rights): Hazard | undefined {
    const query = this.#reach.views.get(view.oid)
    if (!query) return hazard(`the view ${view.name} cannot be read`)
    const reader = view.isSecurityInvoker ? rights.reader : view.owner
    const found = this.#within(query, { user: rights.user, reader }, nothingInSight)
    return found && { ...found, what: `the view ${view.schema}.${view.name}: ${found.what}` }
  }

  #ofPolicies(table: CatalogTable, rights: Rights): Hazard | undefined {
    const sight = { ...nothingInSight, columns: columnsOf(table.name, table) }
    const found = firstOf(this.#reach.policies.get(table.oid) ?? [], ({ using }) =>
      using ? this.#within(using, rights, sight) : hazard('one of them cannot be read'),
    )
    return found && { ...found, what: `the policies of ${table.schema}.${table.name}: ${found.what}` }
  }

  #isExempt(table: CatalogTable, reader: string | undefined): boolean {
    if (reader === undefined) return false
    return this.#reach.bypassing.has(reader) || (table.owner === reader && !table.forcesRowSecurity)
  }

  #ofCast(cast: TypeCast, sight: InSight): Hazard | undefined {
    const names = words(cast.typeName.names ?? [])
    const to = normalType(names.join('.'))
    if (this.#reach.functions.typesWithCode.has(names.join('.')))
      return hazard(`the cast to ${to} runs checks of its own`)
    if (isConstant(cast.arg) || texts.has(to)) return undefined
    const from = this.#typeOf(cast.arg, sight)
    const isArray = (cast.typeName.arrayBounds ?? []).length > 0
    if (from !== undefined && isHarmlessCast(from, isArray ? `${to}[]` : to)) return undefined
    if ((sight.tellsCaller || !this.#callerCounts) && this.#isOfCaller(cast.arg)) return undefined
    return hazard(`a cast to ${to} may fail`)
  }

  /** Whether the value reads nothing but settings that say who is calling. */
  #isOfCaller(value: unknown, depth = 0): boolean {
    let reads = false
    for (const node of nodesIn(value)) {
      if (['ColumnRef', 'RangeVar', 'ParamRef', 'SQLValueFunction'].some((kind) => kind in node)) return false
      const call = as(node, 'FuncCall')
      if (!call) continue
      const { schema, name } = nameOf(call)
      const own = this.#functions(schema, name)
      reads ||= own.length > 0 || name === 'current_setting'
      for (const each of own) {
        const body = this.#reach.bodies.get(each.oid)
        if (!body || depth > 4 || !this.#isOfCaller(body.parts, depth + 1)) return false
      }
    }
    return reads || depth > 0
  }

  #ofOperator(operator: OperatorExpression, sight: InSight): Hazard | undefined {
    const parts = words(operator.name)
    const name = parts.at(-1) ?? ''
    if (parts.length > 1 && parts[0] !== 'pg_catalog')
      return hazard(`nothing is known of the operator ${name}`)
    const { lexpr, rexpr } = operator
    if (totalOperators.has(name)) return undefined
    if (patternOperators.has(name))
      return isConstant(rexpr) ? undefined : hazard('its pattern may be malformed')
    if (name === '||') {
      const isText = [lexpr, rexpr].some(
        (side) => side && texts.has(normalType(this.#typeOf(side, sight) ?? '')),
      )
      return isText || isConstant(lexpr) || isConstant(rexpr) ? undefined : hazard('|| may fail')
    }
    if (isSteadyArithmetic(lexpr) && isSteadyArithmetic(rexpr)) return undefined
    return hazard(`${name} may fail for some values`)
  }

  /** `(SELECT name FROM people WHERE id = ...)` fails if it finds two rows. */
  #ofScalar(select: SelectStmt | undefined): Hazard | undefined {
    if (!select) return hazard('a sub-select cannot be read')
    const returnsSet = (select.targetList ?? []).some((target) => {
      const call = as(as(target, 'ResTarget')?.val, 'FuncCall')
      return (
        call &&
        this.#functions(...(Object.values(nameOf(call)) as [string | undefined, string])).some(
          (each) => each.returnsSet,
        )
      )
    })
    if (!select.fromClause && !returnsSet) return undefined
    if (as(select.limitCount, 'A_Const')?.ival?.ival === 1) return undefined
    if (!select.groupClause && isAggregate(select)) return undefined
    return this.findsOneAtMost(select) ? undefined : hazard('a sub-select may find more than one row')
  }

  /** Whether a unique key of the one table in FROM is compared with values from outside. */
  findsOneAtMost({ fromClause = [], whereClause }: SelectStmt): boolean {
    const [only, ...more] = fromClause
    const relation = as(only, 'RangeVar')
    if (!relation || more.length > 0 || !whereClause) return false
    const alias = aliasesOf([only as Node])[0] ?? relation.relname
    const fixed = new Set(
      conjuncts(whereClause).flatMap((condition) => {
        const comparison = as(condition, 'A_Expr')
        if (comparison?.kind !== 'AEXPR_OP' || words(comparison.name).at(-1) !== '=') return []
        return [
          [comparison.lexpr, comparison.rexpr],
          [comparison.rexpr, comparison.lexpr],
        ].flatMap(([column, other]) => {
          const names = words(as(column, 'ColumnRef')?.fields ?? [])
          const isOwn = names.length === 1 || names[0] === alias
          const isFree = !nodesIn(other).some(
            (node) => words(as(node, 'ColumnRef')?.fields ?? [])[0] === alias,
          )
          return isOwn && isFree ? names.slice(-1) : []
        })
      }),
    )
    const tables = this.#relations(relation.schemaname, relation.relname)
    return (
      tables.length > 0 &&
      tables.every(
        ({ uniqueColumns, hasChildren }) =>
          !hasChildren && uniqueColumns.some((columns) => columns.every((column) => fixed.has(column))),
      )
    )
  }

  #readsTables(called: CatalogFunction, depth = 0): boolean {
    const body = this.#reach.bodies.get(called.oid)
    if (!body || depth > 4) return true
    return nodesIn(body.parts).some((node) => {
      if ('RangeVar' in node) return true
      const call = as(node, 'FuncCall')
      if (!call) return false
      const { schema, name } = nameOf(call)
      return this.#functions(schema, name).some(
        (each) => !each.isSecurityDefiner && this.#readsTables(each, depth + 1),
      )
    })
  }

  /** The type as `format_type` prints it, as far as the tree shows it. */
  #typeOf(node: Node, sight: InSight): string | undefined {
    const cast = as(node, 'TypeCast')
    if (cast) {
      const isArray = (cast.typeName.arrayBounds ?? []).length > 0
      return `${words(cast.typeName.names ?? []).at(-1) ?? ''}${isArray ? '[]' : ''}`
    }
    const parameter = as(node, 'ParamRef')
    if (parameter) return sight.numbered[parameter.number - 1]
    const column = as(node, 'ColumnRef')
    if (column) {
      const parts = words(column.fields)
      const name = parts.at(-1) ?? ''
      const types = new Set(
        sight.columns
          .filter((each) => each.name === name && (parts.length === 1 || each.relation === parts.at(-2)))
          .map(({ type }) => type),
      )
      if (types.size === 0 && parts.length === 1) return sight.parameters.get(name)
      return types.size === 1 ? [...types][0] : undefined
    }
    const call = as(node, 'FuncCall')
    if (call) {
      const { schema, name } = nameOf(call)
      const types = new Set(this.#functions(schema, name).map(({ returnType }) => returnType))
      return types.size === 1 ? [...types][0] : name === 'current_setting' ? 'text' : undefined
    }
    const operator = as(node, 'A_Expr')
    if (operator) return ['->>', '#>>'].includes(words(operator.name).at(-1) ?? '') ? 'text' : undefined
    const link = as(node, 'SubLink')
    const value = as(as(link?.subselect, 'SelectStmt')?.targetList?.[0], 'ResTarget')?.val
    return link?.subLinkType === 'EXPR_SUBLINK' && value ? this.#typeOf(value, sight) : undefined
  }

  /** The columns of every relation that the tree names, by its alias. */
  #columnsRead(within: unknown): InSight['columns'] {
    return nodesIn(within).flatMap((node) => {
      const relation = as(node, 'RangeVar')
      if (!relation) return []
      const alias = aliasesOf([node])[0] ?? relation.relname
      return this.#relations(relation.schemaname, relation.relname).flatMap((each) => columnsOf(alias, each))
    })
  }

  #functions(schema: string | undefined, name: string): CatalogFunction[] {
    return (this.#reach.byName.get(name) ?? []).filter(
      (each) => schema === undefined || each.schema === schema,
    )
  }

  #relations(schema: string | undefined, name: string): CatalogTable[] {
    return (this.#reach.relations.get(name) ?? []).filter(
      (each) => schema === undefined || each.schema === schema,
    )
  }
}

function hazard(what: string): Hazard {
  return { what, isOnPurpose: false }
}

function shown({ schema, name }: CatalogFunction): string {
  return `${schema}.${name}()`
}

function columnsOf(relation: string, { columns }: CatalogTable): InSight['columns'] {
  return columns.map(({ name, type }) => ({ relation, name, type }))
}

function holdsColumn(value: unknown, { columns }: InSight): boolean {
  const names = new Set(columns.map(({ name }) => name))
  return nodesIn(value).some((node) => {
    const column = as(node, 'ColumnRef')
    return column !== undefined && names.has(words(column.fields).at(-1) ?? '')
  })
}

/** A literal, or an array of them, under any number of casts. */
function isConstant(node: Node | undefined): boolean {
  if (!node) return false
  const cast = as(node, 'TypeCast')
  if (cast) return isConstant(cast.arg)
  const array = as(node, 'A_ArrayExpr')
  if (array) return (array.elements ?? []).every(isConstant)
  return 'A_Const' in node
}

/** `now() - '7 days'::interval`, `array_length(parts, 1) - 1`: no value of a row or caller can make it overflow. */
function isSteadyArithmetic(node: Node | undefined): boolean {
  if (!node) return true
  if (isConstant(node) || 'SQLValueFunction' in node) return true
  const call = as(node, 'FuncCall')
  if (call) {
    const name = words(call.funcname).at(-1) ?? ''
    return lengths.has(name) || (clocks.has(name) && !call.args)
  }
  const cast = as(node, 'TypeCast')
  if (cast) return isSteadyArithmetic(cast.arg)
  const operator = as(node, 'A_Expr')
  return operator !== undefined && isSteadyArithmetic(operator.lexpr) && isSteadyArithmetic(operator.rexpr)
}

function isAggregate({ targetList = [] }: SelectStmt): boolean {
  return targetList.every((target) => {
    const value = as(target, 'ResTarget')?.val
    return nodesIn(value).some((node) => {
      const call = as(node, 'FuncCall')
      return (
        call !== undefined && call.over === undefined && aggregates.has(words(call.funcname).at(-1) ?? '')
      )
    })
  })
}
