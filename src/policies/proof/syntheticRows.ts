import type { Node } from '../../syntax/nodes.ts'
import type { Comparisons } from './comparisons.ts'
import { carrierKey } from './comparisons.ts'
import type { Pools } from './identities.ts'
import type { Patch, Row } from './rows.ts'
import type { Column } from '../../catalog/columns.ts'
import type { Subject } from './subject.ts'
import { fieldsOf, nameParts, walk, stringConstant } from '../../syntax/walk.ts'
import { unique } from '../../unique.ts'

/** Rows that others are made from. */
const mostBases = 6
/** Values of the data that a column is tried with. */
const mostFromData = 3

/** Rows made with the values of two columns. */
const mostPairs = 150

/**
 * Changes that make rows which the data may not have: in each column that a predicate reads, mostly one at a time,
 * NULL, what other rows hold there, the identities' own values, the constants of the predicates and their
 * neighbours. Made from rows that pass, they are rows in which exactly one condition turns.
 *
 * A column that is NOT NULL gets no NULL: no such row can come to be, and a rewrite may rely on that.
 */
export function patchesFor(
  subject: Subject,
  trees: Node[],
  comparisons: Comparisons,
  pools: Pools,
  near: Row[],
  sampled: Row[],
  related: Map<string, unknown[]>,
): Patch[] {
  const bases = [...near.slice(0, mostBases - 2), ...sampled].slice(0, mostBases)
  const read = columnsRead(subject, trees)
  const columns = subject.columns.filter(({ name }) => read.has(name))
  const together = nullsTogether(columns).flatMap((change) => bases.map((base) => ({ base, change })))
  const ofSomebody = columns.flatMap(({ name, ...column }) =>
    identityValues({ name, ...column }, comparisons, pools)
      .slice(0, mostFromData * 2)
      .map((value) => ({ name, value })),
  )
  const pairs = ofSomebody.flatMap(({ name, value }) =>
    [...related].flatMap(([other, values]) =>
      other === name || !read.has(other)
        ? []
        : values.slice(0, mostFromData * 2).map((beside) => ({ [name]: value, [other]: beside })),
    ),
  )
  return [
    ...together,
    // What is somebody's own and of a team besides: one change at a time would not get there.
    ...pairs.slice(0, mostPairs).flatMap((change) => bases.slice(0, 1).map((base) => ({ base, change }))),
    ...columns.flatMap((column) => {
      const values = distinctValues([
        ...(column.notNull ? [] : [null]),
        ...identityValues(column, comparisons, pools),
        ...(related.get(column.name) ?? []),
        ...ofItsType(column),
        ...nearConstants(subject, column, trees),
        ...distinctValues([...near, ...sampled].map(({ values }) => values[column.name])).slice(
          0,
          mostFromData,
        ),
      ])
      return bases.flatMap((base) => values.map((value) => ({ base, change: { [column.name]: value } })))
    }),
  ]
}

/** Two columns and all of them without a value: `coalesce(editor_id, owner_id)` is NULL where both are. */
function nullsTogether(columns: Column[]): Record<string, null>[] {
  const names = columns.filter(({ notNull }) => !notNull).map(({ name }) => name)
  if (names.length < 2) return []
  const pairs = names.slice(0, 4).flatMap((one, at, some) => some.slice(at + 1).map((other) => [one, other]))
  return (names.length > 2 ? [names, ...pairs] : pairs).map((nulls) =>
    Object.fromEntries(nulls.map((name) => [name, null])),
  )
}

/** Names of the table's own columns that the trees read; all of them where a tree reads the whole row. */
export function columnsRead(subject: Subject, trees: Node[]): Set<string> {
  const all = subject.columns.map(({ name }) => name)
  const read = new Set<string>()
  for (const reference of trees.flatMap((tree) => Array.from(fieldsOf(tree, 'ColumnRef')))) {
    const names = nameParts(reference['fields'])
    const isWhole = names.length === 1 && names[0] === subject.table.name && !all.includes(subject.table.name)
    const hasStar = names.length < ((reference['fields'] as unknown[] | undefined)?.length ?? 0)
    if (isWhole || (hasStar && names[0] === subject.table.name)) return new Set(all)
    const alias = names.at(-2)
    const name = names.at(-1)
    if (name !== undefined && all.includes(name) && (alias === undefined || alias === subject.table.name))
      read.add(name)
  }
  return read
}

function identityValues(column: Column, { columns }: Comparisons, pools: Pools): unknown[] {
  const compared = columns.filter(({ select, column: names }) => !select && names.at(-1) === column.name)
  const keys = compared.flatMap(({ carriers }) => carriers.map(carrierKey))
  const values = keys.flatMap((key) => {
    const all = pools.get(key)?.values ?? []
    return [...all.slice(0, 3), ...all.slice(-2)]
  })
  if (!column.type.endsWith('[]')) return values
  const [first, second] = values
  return [[], [null], ...values.slice(0, 3).map((value) => [value]), [first, second], [first, null]]
}

function ofItsType({ type, labels }: Column): unknown[] {
  if (labels) return labels.slice(0, 6)
  if (type === 'boolean') return [true, false]
  if (type === 'date' || type.startsWith('timestamp')) {
    return [-3650, -31, -2, -1, 0, 1, 2, 31, 3650].map((days) =>
      new Date(Date.now() + days * 86_400_000 - (days <= 0 ? 1000 : -1000)).toISOString(),
    )
  }
  return []
}

/** The constants beside the column in any operator, numbers with their neighbours. */
function nearConstants({ columns }: Subject, column: Column, trees: Node[]): unknown[] {
  const values: unknown[] = []
  for (const tree of trees) {
    for (const { kind, node } of walk(tree)) {
      if (kind !== 'A_Expr' && kind !== 'CaseExpr') continue
      const names = Array.from(fieldsOf(node, 'ColumnRef'), ({ fields }) => nameParts(fields).at(-1))
      if (!names.includes(column.name) || names.some((name) => !columns.some((each) => each.name === name)))
        continue
      for (const met of walk(node)) {
        if (met.kind !== 'A_Const') continue
        const text = stringConstant(met.node)
        if (text !== undefined) values.push(...aroundText(text, column))
        const integer = (met.fields['ival'] as { ival?: number } | undefined)?.ival
        if ('ival' in met.fields) values.push((integer ?? 0) - 1, integer ?? 0, (integer ?? 0) + 1)
      }
    }
  }
  return values.slice(0, 24)
}

function aroundText(text: string, column: Column): unknown[] {
  const around = [text, `${text}x`]
  return column.type.endsWith('[]') ? [[], [null], ...around.map((value) => [value]), around] : around
}

function distinctValues(values: unknown[]): unknown[] {
  return unique(values.filter((value) => value !== undefined))
}
