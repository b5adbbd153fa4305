import { excerpt } from '../../syntax/excerpt.ts'
import { printExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { relationsByAlias } from './comparisons.ts'
import type { Clock } from './clock.ts'
import type { CalledFunction } from './bodies.ts'
import type { NullContext } from './nullable.ts'
import { mayBeNull } from './nullable.ts'
import type { Column } from '../../catalog/columns.ts'
import type { Met, Path } from '../../syntax/walk.ts'
import { booleanLiteral, literal } from '../../syntax/build.ts'
import { fieldsOf, isRecord, nameParts, nodeAt as at, replaceAt, walk } from '../../syntax/walk.ts'

/** A predicate that is wrong by one small change, and what was changed. */
export interface Mutant {
  change: string
  tree: Node
  text: string
}

/** What the mutants are made with. */
export interface MutantContext {
  table: string
  columns: Column[]
  /** Columns of other relations, by `schema.name`. */
  others: Map<string, Column[]>
  /** The functions that it calls. */
  functions: CalledFunction[]
  /** What calls that do not depend on the row give one identity, as a constant, by the call's text. */
  frozen: Map<string, Node>
}

interface Change {
  change: string
  path: Path
  node: Node
}

/** Columns that another one is swapped for. */
const mostSwaps = 3

/**
 * Every predicate that differs from this one by one small mistake: a condition dropped, negated or deciding
 * where it is NULL, AND for OR, a boundary moved, another column, another constant, one member fewer,
 * ANY for ALL, a call replaced by what it gives one identity.
 *
 * `((( SELECT auth.uid()) = owner) AND active)` -> `active`, `(... = owner) OR active`, `... = editor` ...
 *
 * Mutants whose text is that of another one, or of the predicate, are left out. Some may mean the same as
 * the predicate, and some may not be valid SQL: only the server can tell.
 */
export function mutantsOf(
  tree: Node,
  context: MutantContext,
  { most, clock }: { most: number; clock?: Clock },
): Mutant[] {
  const nulls = nullsIn(tree, context)
  const changes: Change[] = []
  for (const path of booleanPaths(tree, [])) changes.push(...changesOfCondition(at(tree, path), path, nulls))
  for (const met of walk(tree)) changes.push(...changesOfNode(tree, met, context, nulls))
  const seen = new Set([printed(tree)])
  const mutants: Mutant[] = []
  for (const { change, path, node } of spread(changes, most)) {
    if (clock?.isOver()) break
    const mutated = replaceAt(tree, path, node)
    const text = printed(mutated)
    if (text === undefined || seen.has(text)) continue
    seen.add(text)
    const from = printed(at(tree, path)) ?? 'sub-select'
    mutants.push({ change: `${change}: ${excerpt(from)}`, tree: mutated, text })
  }
  return mutants
}

/** At most so many of the list, from all over it. */
function spread<T>(list: T[], most: number): T[] {
  if (list.length <= most) return list
  return Array.from({ length: most }, (_, index) => list[Math.floor((index * list.length) / most)] as T)
}

function printed(node: Node): string | undefined {
  try {
    return printExpression(node)
  } catch {
    return undefined
  }
}

/** Where conditions stand: the predicate, the arms of AND, OR and NOT, and what is below WHERE. */
function* booleanPaths(node: unknown, path: Path): Generator<Path> {
  if (!isRecord(node)) return
  yield path
  const connective = node['BoolExpr'] as { args?: unknown[] } | undefined
  if (connective) {
    for (const [index, arm] of (connective.args ?? []).entries())
      yield* booleanPaths(arm, [...path, 'BoolExpr', 'args', index])
    return
  }
  for (const met of walk(node)) {
    const where = met.kind === 'SelectStmt' ? met.fields['whereClause'] : undefined
    if (where === undefined) continue
    // A sub-select within this one's WHERE is reached from there.
    if (isBelowWhere(met.path)) continue
    yield* booleanPaths(where, [...path, ...met.path, 'SelectStmt', 'whereClause'])
  }
}

function isBelowWhere(path: Path): boolean {
  return path.includes('whereClause')
}

/** Which columns of the tree may hold NULL; one that an outer join may leave empty may. */
function nullsIn(tree: Node, { table, columns, others, functions }: MutantContext): NullContext {
  const relations = relationsByAlias(tree)
  const hasOuterJoin = Array.from(fieldsOf(tree, 'JoinExpr')).some(
    ({ jointype }) => jointype !== 'JOIN_INNER',
  )
  const columnsOf = (alias: string): Column[] => {
    const relation = relations.get(alias)
    if (!relation) return alias === table ? columns : []
    return hasOuterJoin ? [] : (others.get(`${relation.schema}.${relation.name}`) ?? [])
  }
  return {
    functions,
    columnMayBeNull: (names) => {
      const name = names.at(-1)
      const alias = names.at(-2)
      const aliases = alias === undefined ? [table, ...relations.keys()] : [alias]
      const found = aliases.flatMap((each) => columnsOf(each).filter((column) => column.name === name))
      return found.length === 0 || found.some(({ notNull }) => !notNull)
    },
  }
}

function changesOfCondition(node: Node, path: Path, nulls: NullContext): Change[] {
  const negated = node['BoolExpr'] as { boolop?: string; args?: Node[] } | undefined
  const inner = negated?.boolop === 'NOT_EXPR' ? negated.args?.[0] : undefined
  return [
    { change: 'always true', path, node: booleanLiteral(true) },
    { change: 'always false', path, node: booleanLiteral(false) },
    { change: 'negated', path, node: inner ?? { BoolExpr: { boolop: 'NOT_EXPR', args: [node] } } },
    // Where it cannot be NULL this would be no mistake.
    ...(mayBeNull(node, nulls)
      ? [{ change: 'true where NULL', path, node: { CoalesceExpr: { args: [node, booleanLiteral(true)] } } }]
      : []),
  ]
}

/** Boundaries that are easily taken for each other. */
const boundaries: Record<string, string[]> = {
  '<': ['<=', '>'],
  '<=': ['<', '>='],
  '>': ['>=', '<'],
  '>=': ['>', '<='],
}

function changesOfNode(tree: Node, met: Met, context: MutantContext, nulls: NullContext): Change[] {
  const { kind, fields, path, node } = met
  switch (kind) {
    case 'BoolExpr': {
      const other = { AND_EXPR: 'OR_EXPR', OR_EXPR: 'AND_EXPR' }[fields['boolop'] as string]
      return other
        ? [
            {
              change: `${other.slice(0, -5)} instead`,
              path,
              node: { BoolExpr: { ...fields, boolop: other } },
            },
          ]
        : []
    }
    case 'A_Expr':
      return changesOfOperator(fields, path, nulls)
    case 'ColumnRef':
      return changesOfColumn(tree, fields, path, context)
    case 'A_Const':
      return isArgument(tree, path) ? [] : changesOfConstant(fields, path)
    case 'A_ArrayExpr': {
      const elements = (fields['elements'] ?? []) as unknown[]
      if (elements.length < 2) return []
      return elements.map((_, index) => ({
        change: 'one element fewer',
        path,
        node: { A_ArrayExpr: { ...fields, elements: elements.toSpliced(index, 1) } },
      }))
    }
    case 'SubLink':
      return [...changesOfSubLink(fields, path), ...frozen(node, path, context)]
    case 'FuncCall':
      return frozen(node, path, context)
    default:
      return []
  }
}

function changesOfOperator(fields: Record<string, unknown>, path: Path, nulls: NullContext): Change[] {
  const kind = fields['kind']
  const name = nameParts(fields['name']).at(-1) ?? ''
  const other = (change: string, part: Record<string, unknown>): Change => ({
    change,
    path,
    node: { A_Expr: { ...fields, ...part } },
  })
  if (kind === 'AEXPR_OP_ANY') return [other('ALL instead of ANY', { kind: 'AEXPR_OP_ALL' })]
  if (kind === 'AEXPR_OP_ALL') return [other('ANY instead of ALL', { kind: 'AEXPR_OP_ANY' })]
  if (kind === 'AEXPR_DISTINCT')
    return [other('<> for IS DISTINCT FROM', { kind: 'AEXPR_OP', name: operator('<>') })]
  if (kind === 'AEXPR_NOT_DISTINCT')
    return [other('= for IS NOT DISTINCT FROM', { kind: 'AEXPR_OP', name: operator('=') })]
  if (kind !== 'AEXPR_OP') return []
  const sides = [fields['lexpr'], fields['rexpr']].map((side) => mayBeNull(side as Node | undefined, nulls))
  // NULL has to meet NULL for the one to be a mistake, and anything else for the other.
  if (name === '=')
    return sides.every(Boolean) ? [other('NULL equals NULL', { kind: 'AEXPR_NOT_DISTINCT' })] : []
  if (name === '<>')
    return sides.some(Boolean) ? [other('NULL differs', { kind: 'AEXPR_DISTINCT', name: operator('=') })] : []
  return (boundaries[name] ?? []).map((moved) => other(`${moved} instead`, { name: operator(moved) }))
}

function operator(name: string): unknown[] {
  return [{ String: { sval: name } }]
}

function changesOfColumn(
  tree: Node,
  fields: Record<string, unknown>,
  path: Path,
  { table, columns, others }: MutantContext,
): Change[] {
  const names = nameParts(fields['fields'])
  const name = names.at(-1)
  const alias = names.at(-2)
  const relation = alias === undefined ? undefined : relationsByAlias(tree).get(alias)
  const candidates =
    relation && alias !== table ? (others.get(`${relation.schema}.${relation.name}`) ?? []) : columns
  const own = candidates.find((column) => column.name === name)
  if (!own) return []
  return candidates
    .filter((column) => column.type === own.type && column.name !== own.name)
    .slice(0, mostSwaps)
    .map((column) => ({
      change: `column ${column.name} instead`,
      path,
      node: {
        ColumnRef: {
          fields: [...names.slice(0, -1), column.name].map((part) => ({ String: { sval: part } })),
        },
      },
    }))
}

/** Arguments of calls and literals of other types: another text there is an error and no other meaning. */
function isArgument(tree: Node, path: Path): boolean {
  const above = path.slice(0, -1)
  for (let end = above.length; end > 0; end -= 1) {
    const step = above[end - 1]
    if (step === 'FuncCall') return true
    if (step === 'A_Expr' || step === 'SubLink') return false
    if (step === 'TypeCast') {
      const cast = at(tree, above.slice(0, end)) as { typeName?: { names?: unknown } }
      const type = nameParts(cast.typeName?.names).at(-1) ?? ''
      if (!['text', 'varchar', 'bpchar', 'int4', 'int8', 'int2', 'numeric', 'bool'].includes(type))
        return true
    }
  }
  return false
}

function changesOfConstant(fields: Record<string, unknown>, path: Path): Change[] {
  if ('sval' in fields) {
    const text = (fields['sval'] as { sval?: string }).sval ?? ''
    return [{ change: 'another text', path, node: literal(`${text}x`) }]
  }
  if ('ival' in fields) {
    const value = (fields['ival'] as { ival?: number }).ival ?? 0
    return [value - 1, value + 1].map((moved) => ({
      change: `${moved} instead`,
      path,
      node: { A_Const: { ival: { ival: moved } } },
    }))
  }
  if ('boolval' in fields) {
    const value = (fields['boolval'] as { boolval?: boolean }).boolval ?? false
    return [{ change: 'the opposite', path, node: booleanLiteral(!value) }]
  }
  return []
}

/** The sub-select without its first row, where it reads rows at all. */
function changesOfSubLink(fields: Record<string, unknown>, path: Path): Change[] {
  const select = (fields['subselect'] as { SelectStmt?: Record<string, unknown> } | undefined)?.SelectStmt
  if (!select || fields['subLinkType'] === 'EXPR_SUBLINK' || select['limitOffset']) return []
  const fewer = {
    SelectStmt: {
      ...select,
      limitOffset: { A_Const: { ival: { ival: 1 } } },
      limitOption: 'LIMIT_OPTION_COUNT',
    },
  }
  return [{ change: 'one member fewer', path, node: { SubLink: { ...fields, subselect: fewer } } }]
}

/** What a call gives one identity, as a constant for everybody. */
function frozen(node: Node, path: Path, context: MutantContext): Change[] {
  if (context.frozen.size === 0) return []
  const constant = context.frozen.get(printed(node) ?? '')
  return constant ? [{ change: "one identity's value for everybody", path, node: constant }] : []
}
