import type { RelationName } from '../postgres/identifiers.ts'
import { displayIdentifier } from '../postgres/identifiers.ts'
import type { PlanNode } from '../postgres/explain.ts'
import { parseExpression } from '../syntax/expression.ts'
import type { Node } from '../syntax/nodes.ts'
import { as, conjuncts, nodesIn, words } from '../syntax/nodes.ts'

/** What a statement asks of one table, as its plan without any index says it: policies and views are in it. */
export interface Scan {
  table: RelationName
  alias: string
  /** What every row has to meet, joins among it. */
  conditions: Node[]
  /** In which order rows are wanted, as far as the table's own columns say it. */
  order: SortKey[]
  /** Columns that are read beside those of the conditions. */
  output: string[]
}

/** `created_at DESC NULLS LAST`, with the expression without the table's alias. */
export interface SortKey {
  expression: Node
  descending: boolean
  nullsFirst: boolean
}

/** Settings with which a plan has every condition in a filter or in a join. */
export const withoutIndexes = {
  enable_indexscan: 'off',
  enable_indexonlyscan: 'off',
  enable_bitmapscan: 'off',
  max_parallel_workers_per_gather: '0',
}

interface VerboseNode extends PlanNode {
  Output?: string[]
  'Sort Key'?: string[]
  'Group Key'?: string[]
  'Hash Cond'?: string
  'Merge Cond'?: string
  'One-Time Filter'?: string
}

/** Every scan of a table in a plan that was made with VERBOSE and `withoutIndexes`. */
export async function scansIn(plan: PlanNode): Promise<Scan[]> {
  const nodes = flatten(plan as VerboseNode)
  const joined: Node[] = []
  for (const node of nodes) {
    for (const text of [node['Hash Cond'], node['Merge Cond'], node['Join Filter'], node.Filter]) {
      joined.push(...(await conditionsOf(text)))
    }
  }
  const scans: Scan[] = []
  for (const node of nodes) {
    const { Schema: schema, 'Relation Name': name, Alias: alias } = node
    if (!isScan(node) || schema === undefined || name === undefined || alias === undefined) continue
    const own = await conditionsOf(node.Filter)
    const others = joined.filter((condition) => {
      const names = aliasesIn(condition)
      return names.has(alias) && (names.size > 1 || node['Node Type'] === 'ModifyTable')
    })
    scans.push({
      table: { schema, name },
      alias,
      conditions: [...own, ...others.filter((condition) => !own.includes(condition))],
      order: await orderOf(nodes, node, alias),
      output: readOf(nodes, node, alias),
    })
  }
  return scans
}

/** Every expression of a plan, results of its InitPlans among them. */
export async function expressionsIn(plan: PlanNode): Promise<Node[]> {
  const texts = flatten(plan as VerboseNode).flatMap((node) => [
    ...[node['Hash Cond'], node['Merge Cond'], node['Join Filter'], node.Filter, node['One-Time Filter']],
    ...(node.Output ?? []),
  ])
  const parsed: Node[] = []
  for (const text of texts) {
    const expression = text === undefined ? undefined : await parsePrinted(text)
    if (expression) parsed.push(expression)
  }
  return parsed
}

function isScan(node: VerboseNode): boolean {
  return node['Node Type'] === 'Seq Scan' || node['Node Type'] === 'Sample Scan'
}

function flatten(node: VerboseNode): VerboseNode[] {
  return [node, ...(node.Plans ?? []).flatMap((child) => flatten(child as VerboseNode))]
}

/**
 * The columns that the scan hands on and that are asked for: where it saves work, PostgreSQL hands on all columns of a
 * table, whatever the nodes above make of them.
 */
function readOf(nodes: VerboseNode[], scan: VerboseNode, alias: string): string[] {
  const handedOn = (scan.Output ?? []).flatMap((text) => columnOf(text, alias) ?? [])
  if (nodes[0] === scan) return handedOn
  const text = nodes.flatMap((node) => (node === scan ? [] : textsOf(node))).join('\n')
  return handedOn.filter((column) => {
    const name = escapeForRegExp(displayIdentifier(column))
    return new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(text)
  })
}

/** Everything that a node says, but what its children say. */
function textsOf(node: VerboseNode): string[] {
  return Object.values(node)
    .flat()
    .filter((value): value is string => typeof value === 'string')
}

const escapeForRegExp = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')

/** The keys of the innermost sort or group above the scan, up to the first that is another table's. */
async function orderOf(nodes: VerboseNode[], scan: VerboseNode, alias: string): Promise<SortKey[]> {
  const above = nodes.filter((node) => node !== scan && flatten(node).includes(scan)).toReversed()
  for (const node of above) {
    if (
      node['Subplan Name'] !== undefined &&
      node['Sort Key'] === undefined &&
      node['Group Key'] === undefined
    ) {
      const leastOrGreatest = await extremeOf(node, alias)
      return leastOrGreatest ? [leastOrGreatest] : []
    }
    const texts = node['Sort Key'] ?? node['Group Key'] ?? []
    const keys: SortKey[] = []
    for (const text of texts) {
      const key = await sortKeyOf(text, alias)
      if (!key) break
      keys.push(key)
    }
    if (keys.length > 0) return keys
    const extreme = await extremeOf(node, alias)
    if (extreme) return [extreme]
  }
  return []
}

/** `max(t.created_at)` is the last row of an index. */
async function extremeOf(node: VerboseNode, alias: string): Promise<SortKey | undefined> {
  if (node['Node Type'] !== 'Aggregate' || node['Group Key'] || node.Output?.length !== 1) return undefined
  const inner = /^(?:min|max)\((.*)\)$/.exec(node.Output[0] ?? '')?.[1]
  return inner === undefined ? undefined : sortKeyOf(inner, alias)
}

async function sortKeyOf(text: string, alias: string): Promise<SortKey | undefined> {
  const [, expression = '', direction, nulls] = /^(.*?)( DESC)?( NULLS (?:FIRST|LAST))?$/s.exec(text) ?? []
  const parsed = await parsePrinted(expression)
  if (!parsed) return undefined
  const names = aliasesIn(parsed)
  if (names.size !== 1 || !names.has(alias)) return undefined
  const descending = direction !== undefined
  return {
    expression: parsed,
    descending,
    nullsFirst: nulls === undefined ? descending : nulls.endsWith('FIRST'),
  }
}

async function conditionsOf(text: string | undefined): Promise<Node[]> {
  const parsed = text === undefined ? undefined : await parsePrinted(text)
  return parsed ? conjuncts(parsed) : []
}

/** An expression as EXPLAIN prints it. What stands for another plan's result is a parameter. */
async function parsePrinted(text: string): Promise<Node | undefined> {
  const readable = text
    .replaceAll(/\(alternatives: [^)]*\)/g, '$1')
    .replaceAll(/\b(?:ANY|ALL) \((?=[^()]*[<=>~@&|!]+ \((?:hashed )?SubPlan)/g, 'hundredfold_any (')
    .replaceAll(/\bEXISTS\((?:hashed )?SubPlan \d+\)/g, '$1')
    .replaceAll(
      /\((?:rescan )?(?:hashed )?(?:SubPlan|InitPlan) \d+(?: \(returns [^)]*\))?\)(?:\.col\d+)?/g,
      '$1',
    )
    .replaceAll(/\$0\b/g, '$1')
  try {
    return await parseExpression(readable)
  } catch {
    return undefined
  }
}

/** The tables that an expression names; in VERBOSE every column has its alias. */
export function aliasesIn(expression: Node): Set<string> {
  const found = new Set<string>()
  for (const node of nodesIn(expression)) {
    const column = as(node, 'ColumnRef')
    if (column && column.fields.length > 1) found.add(words(column.fields)[0] ?? '')
  }
  return found
}

/** `t.created_at` or, where it is the plan's only table, `created_at`. */
function columnOf(text: string, alias: string): string | undefined {
  const bare = text.startsWith(`${alias}.`) ? text.slice(alias.length + 1) : text
  if (/^[a-z_][a-z0-9_$]*$/.test(bare)) return bare
  return /^"(?:[^"]|"")*"$/.test(bare) ? bare.slice(1, -1).replaceAll('""', '"') : undefined
}
