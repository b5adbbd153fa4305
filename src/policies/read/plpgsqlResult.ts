import { cast, literal } from '../../syntax/build.ts'
import { isBare, parseExpression } from '../../syntax/expression.ts'
import type { Node, TypeName } from '../../syntax/nodes.ts'
import { as, nodesIn, words } from '../../syntax/nodes.ts'
import { replaceNodes } from '../../syntax/replaceNodes.ts'
import { splitStatements } from '../../syntax/statements.ts'
import { prepareTypes, typeNamed } from './typeNames.ts'

/**
 * What a PL/pgSQL function without loops returns, as one expression: IF and CASE become CASE, a variable what was assigned
 * to it, SELECT INTO its first row, and FOUND an EXISTS.
 *
 * ```sql
 * SELECT m.role INTO r FROM members m WHERE m.org_id = org;     -- before
 * IF NOT FOUND THEN RETURN false; END IF;
 * RETURN r = 'owner';
 *
 * CASE WHEN NOT EXISTS (SELECT m.role FROM members m WHERE m.org_id = org) THEN false
 *      ELSE (SELECT m.role FROM members m WHERE m.org_id = org LIMIT 1)::text = 'owner' END
 * ```
 *
 * What the statements did one after the other may be done at any time or never: only right for functions that only read,
 * and where nothing of it can raise an error.
 *
 * @param parsed what `parsePlPgSQL` made of the function, which must not hide a parameter: see `hidesParameter`
 * @returns undefined if a statement does something else
 */
export async function plpgsqlResult(parsed: unknown, source: string): Promise<Node | undefined> {
  const functions = (parsed as { plpgsql_funcs?: { PLpgSQL_function?: Declared }[] }).plpgsql_funcs
  const { datums = [], action } = functions?.[0]?.PLpgSQL_function ?? {}
  const block = action?.PLpgSQL_stmt_block
  if (!block?.body || block.exceptions !== undefined || source.includes('#')) return undefined
  try {
    const variables = await declared(datums)
    return await new Walk(variables.all).run(block.body, variables.start)
  } catch (error) {
    if (error instanceof NotOneExpression) return undefined
    throw error
  }
}

class NotOneExpression extends Error {}

interface Expression {
  PLpgSQL_expr?: { query?: string }
}

interface Declared {
  datums?: Record<string, Variable>[]
  action?: { PLpgSQL_stmt_block?: { body?: Statement[]; exceptions?: unknown } }
}

interface Variable {
  refname?: string
  datatype?: { PLpgSQL_type?: { typname?: string } }
  notnull?: boolean
  default_val?: Expression
}

interface Statement {
  PLpgSQL_stmt_return?: { expr?: Expression; retvarno?: number }
  PLpgSQL_stmt_assign?: { varno?: number; expr?: Expression }
  PLpgSQL_stmt_perform?: { expr?: Expression }
  PLpgSQL_stmt_execsql?: {
    sqlstmt?: Expression
    into?: boolean
    strict?: boolean
    target?: { PLpgSQL_row?: { fields?: { varno?: number }[] } }
  }
  PLpgSQL_stmt_if?: {
    cond?: Expression
    then_body?: Statement[]
    elsif_list?: { PLpgSQL_if_elsif?: { cond?: Expression; stmts?: Statement[] } }[]
    else_body?: Statement[]
  }
  PLpgSQL_stmt_case?: {
    t_expr?: Expression
    t_varno?: number
    case_when_list?: { PLpgSQL_case_when?: { expr?: Expression; stmts?: Statement[] } }[]
    have_else?: boolean
    else_stmts?: Statement[]
  }
}

/** The value of every variable, by its name; a parameter has none. */
type Values = ReadonlyMap<string, Node>

/** Every variable in its place, as statements name them; undefined for what no value can be tracked of. */
type Places = ({ name: string; typeName?: TypeName } | undefined)[]

async function declared(datums: Record<string, Variable>[]): Promise<{ all: Places; start: Values }> {
  const all: Places = []
  const start = new Map<string, Node>()
  const found = datums.findIndex(({ PLpgSQL_var: each }) => each?.refname === 'found')
  for (const [at, datum] of datums.entries()) {
    const variable = datum['PLpgSQL_var']
    const name = variable?.refname
    if (datum['PLpgSQL_rec']) throw new NotOneExpression()
    if (name === undefined) {
      all.push(undefined)
      continue
    }
    // NULL in a NOT NULL variable is an error.
    if (variable?.notnull === true) throw new NotOneExpression()
    const type = variable?.datatype?.PLpgSQL_type?.typname ?? ''
    // A type with a length cuts or refuses what is assigned; `%TYPE` is known to the server only.
    const isPlain = at > found && !name.startsWith('__Case__') && !/[(%]/.test(type)
    if (isPlain) await prepareTypes([type])
    const typeName = isPlain ? typeNamed(type) : undefined
    all.push(at < found ? undefined : { name, ...(typeName ? { typeName } : {}) })
    if (at === found) start.set(name, falseNode)
    if (at <= found || name.startsWith('__Case__')) continue
    if (!typeName) throw new NotOneExpression()
    const given = variable?.default_val?.PLpgSQL_expr?.query
    const value = given === undefined ? literal(null) : withValues(await parseExpression(given), start)
    start.set(name, cast(value, typeName))
  }
  return { all, start }
}

const falseNode: Node = { A_Const: { boolval: {} } }

/** The most ends that a body may have: each IF doubles what follows it. */
const mostEnds = 32

class Walk {
  readonly #places: Places
  #ends = 0

  constructor(places: Places) {
    this.#places = places
  }

  /** What is returned from here on. */
  async run(statements: Statement[], values: Values): Promise<Node> {
    const [first, ...rest] = statements
    if (!first || Object.keys(first).length !== 1) throw new NotOneExpression()
    const { PLpgSQL_stmt_return: returned, PLpgSQL_stmt_if: branch, PLpgSQL_stmt_case: choice } = first
    if (returned) {
      this.#ends += 1
      if (this.#ends > mostEnds) throw new NotOneExpression()
      if (returned.expr) return expression(returned.expr, values)
      const value = returned.retvarno === undefined ? undefined : this.#valueAt(returned.retvarno, values)
      if (!value) throw new NotOneExpression()
      return value
    }
    if (branch) {
      const arms = [
        { cond: branch.cond, stmts: branch.then_body },
        ...(branch.elsif_list ?? []).map((each) => each.PLpgSQL_if_elsif ?? {}),
      ]
      return this.#choose(arms, branch.else_body ?? [], rest, values)
    }
    if (choice?.have_else === true) {
      const held = new Map(values)
      const name = choice.t_varno === undefined ? undefined : this.#places[choice.t_varno]?.name
      if (choice.t_expr) {
        if (name === undefined) throw new NotOneExpression()
        held.set(name, await expression(choice.t_expr, values))
      }
      const arms = (choice.case_when_list ?? []).map(({ PLpgSQL_case_when: each }) => ({
        cond: each?.expr,
        stmts: each?.stmts,
      }))
      return this.#choose(arms, choice.else_stmts ?? [], rest, held)
    }
    return this.run(rest, await this.#after(first, values))
  }

  async #choose(
    arms: { cond?: Expression | undefined; stmts?: Statement[] | undefined }[],
    otherwise: Statement[],
    rest: Statement[],
    values: Values,
  ): Promise<Node> {
    const args: Node[] = []
    for (const { cond, stmts = [] } of arms) {
      const expr = await expression(cond, values)
      args.push({ CaseWhen: { expr, result: await this.run([...stmts, ...rest], values) } })
    }
    return { CaseExpr: { args, defresult: await this.run([...otherwise, ...rest], values) } }
  }

  /** The values after a statement that only reads and assigns. */
  async #after(statement: Statement, values: Values): Promise<Values> {
    const {
      PLpgSQL_stmt_assign: assign,
      PLpgSQL_stmt_perform: perform,
      PLpgSQL_stmt_execsql: read,
    } = statement
    const next = new Map(values)
    if (assign?.varno !== undefined) {
      this.#assign(next, assign.varno, await assigned(assign.expr, values))
      return next
    }
    const text = perform?.expr?.PLpgSQL_expr?.query ?? read?.sqlstmt?.PLpgSQL_expr?.query
    if (text === undefined || read?.strict === true) throw new NotOneExpression()
    const query = await onlyQuery(text, values)
    const select = as(query, 'SelectStmt')
    const isPlain = select?.fromClause && !select.larg && !select.withClause && !select.lockingClause
    if (!isPlain || nodesIn(select.targetList).some((node) => 'FuncCall' in node))
      throw new NotOneExpression()
    next.set('found', { SubLink: { subLinkType: 'EXISTS_SUBLINK', subselect: query } })
    if (perform) return next
    const fields = read?.into === true ? (read.target?.PLpgSQL_row?.fields ?? []) : []
    const targets = select.targetList ?? []
    if (fields.length === 0 || fields.length !== targets.length || select.limitCount)
      throw new NotOneExpression()
    for (const [at, { varno }] of fields.entries()) {
      const first = {
        ...select,
        targetList: [targets[at]],
        limitCount: one,
        limitOption: 'LIMIT_OPTION_COUNT',
      }
      if (varno === undefined) throw new NotOneExpression()
      this.#assign(next, varno, {
        SubLink: { subLinkType: 'EXPR_SUBLINK', subselect: { SelectStmt: first } },
      })
    }
    return next
  }

  #assign(values: Map<string, Node>, varno: number, value: Node): void {
    const place = this.#places[varno]
    if (!place?.typeName) throw new NotOneExpression()
    values.set(place.name, cast(value, place.typeName))
  }

  #valueAt(varno: number, values: Values): Node | undefined {
    const name = this.#places[varno]?.name
    return name === undefined ? undefined : values.get(name)
  }
}

const one: Node = { A_Const: { ival: { ival: 1 } } }

async function expression(given: Expression | undefined, values: Values): Promise<Node> {
  const text = given?.PLpgSQL_expr?.query
  if (text === undefined) throw new NotOneExpression()
  return withValues(await parseExpression(text), values)
}

/** What stands behind `:=`, or `=`. */
async function assigned(given: Expression | undefined, values: Values): Promise<Node> {
  const text = given?.PLpgSQL_expr?.query ?? ''
  const behind = /^\s*\w+\s*:?=(.+)$/s.exec(text)?.[1]
  if (behind === undefined) throw new NotOneExpression()
  const query = await onlyQuery(`SELECT ${behind}`, values)
  const select = as(query, 'SelectStmt')
  const value = as(select?.targetList?.[0], 'ResTarget')?.val
  if (!select || !value || select.targetList?.length !== 1) throw new NotOneExpression()
  return isBare(select) ? value : { SubLink: { subLinkType: 'EXPR_SUBLINK', subselect: query } }
}

async function onlyQuery(text: string, values: Values): Promise<Node> {
  const [only, ...more] = await splitStatements(text)
  if (!only || more.length > 0) throw new NotOneExpression()
  return withValues(only.node, values)
}

/** The tree with variables replaced. PL/pgSQL refuses names that could also be columns. */
function withValues<T>(tree: T, values: Values): T {
  return replaceNodes(tree, (node) => {
    const column = as(node, 'ColumnRef')
    if (!column) return undefined
    const [name = '', ...more] = words(column.fields)
    return more.length === 0 ? values.get(name) : undefined
  })
}
