import type { ClientBase } from 'pg'
import type { PlannedStatement } from '../../advisor/plannedStatement.ts'
import { planStatement } from '../../advisor/plannedStatement.ts'
import type { PlanNode } from '../../postgres/explain.ts'
import { toggleIndexes } from '../../shadow/planner/indexVisibility.ts'
import { openPlanner } from '../../shadow/planner/openPlanner.ts'
import type { Planner } from '../../shadow/planner/openPlanner.ts'
import { openLibrary } from './library.ts'
import type { IndexedStatements } from './pairs.ts'
import { indexedStatements, statementOf } from './pairs.ts'

/** A statement planned with an index that is an empty candidate, and with the same index built. */
export interface ComparedPair {
  definition: string
  method: string
  statement: PlannedStatement
  shadow: { shape: string; cost: number }
  built: { shape: string; cost: number }
  /** Whether the plan with the built index uses it. */
  isUsed: boolean
}

/** What an index was thought to take, and what it takes. */
export interface ComparedSize {
  definition: string
  method: string
  estimated: number
  built: number
}

export interface Compared {
  pairs: ComparedPair[]
  sizes: ComparedSize[]
}

interface Built {
  bytes: number
  plans: PlanNode[]
}

const prefix = 'compared_'

/** Compares all pairs on a PostgreSQL of the version. */
export async function comparePairs(version: number): Promise<Compared> {
  const library = await openLibrary(version)
  try {
    await library.client.query('CREATE EXTENSION pg_trgm')
    const planner = await openPlanner(library.client)
    try {
      const inShadow = await planInShadow(planner)
      const compared: Compared = { pairs: [], sizes: [] }
      for (const [at, indexed] of indexedStatements.entries()) {
        const shadow = inShadow[at]
        if (!shadow) throw new Error(`${indexed.definition} was not planned`)
        add(compared, indexed, shadow, await build(library.client, indexed, at))
      }
      return compared
    } finally {
      await planner.close()
    }
  } finally {
    await library.close()
  }
}

/** Builds the candidates, empty, and plans the statements of each with that one alone. */
async function planInShadow(planner: Planner): Promise<Built[]> {
  const refused = await planner.buildIndexes(
    indexedStatements.map(({ definition }, at) => ({
      schema: 'public',
      name: `${prefix}${at}`,
      sql: `CREATE INDEX ${prefix}${at} ${definition}`,
    })),
  )
  for (const [name, reason] of refused) throw new Error(`the shadow refused ${name}: ${reason}`)
  const session = await planner.connect()
  try {
    await session.query('BEGIN')
    const { rows } = await session.query<{ at: number; oid: number; bytes: string }>(
      `SELECT substr(relname, $1)::int AS at, oid::int, pg_relation_size(oid) AS bytes FROM pg_class
       WHERE relname ~ $2 ORDER BY 1`,
      [prefix.length + 1, `^${prefix}\\d+$`],
    )
    await toggleIndexes(
      session,
      rows.map(({ oid }) => oid),
    )
    const built: Built[] = []
    for (const { at, oid, bytes } of rows) {
      const indexed = indexedStatements[at]
      if (!indexed) continue
      await toggleIndexes(session, [oid])
      built.push({ bytes: Number(bytes), plans: await planAll(session, indexed) })
      await toggleIndexes(session, [oid])
    }
    return built
  } finally {
    await session.end()
  }
}

/** Builds the index for real, plans and takes it back. */
async function build(client: ClientBase, indexed: IndexedStatements, at: number): Promise<Built> {
  await client.query('BEGIN')
  try {
    await client.query(`CREATE INDEX ${prefix}${at} ${indexed.definition}`)
    const { rows } = await client.query<{ bytes: string; table: string; hasExpression: boolean }>(
      `SELECT pg_relation_size(indexrelid) AS bytes, indrelid::regclass AS table, indexprs IS NOT NULL AS "hasExpression"
       FROM pg_index WHERE indexrelid = '${prefix}${at}'::regclass`,
    )
    const [index] = rows
    // Only then has an expression statistics.
    if (index?.hasExpression) await client.query(`ANALYZE ${index.table}`)
    return { bytes: Number(index?.bytes), plans: await planAll(client, indexed) }
  } finally {
    await client.query('ROLLBACK')
  }
}

async function planAll(client: ClientBase, indexed: IndexedStatements): Promise<PlanNode[]> {
  const plans: PlanNode[] = []
  for (const statement of statementsOf(indexed))
    plans.push(await planStatement(client, statement, [], 'custom'))
  return plans
}

function statementsOf({ statements, behindPolicies = [] }: IndexedStatements): PlannedStatement[] {
  return [
    ...statements.map((sql) => statementOf(sql, false)),
    ...behindPolicies.map((sql) => statementOf(sql, true)),
  ]
}

function add(compared: Compared, indexed: IndexedStatements, shadow: Built, built: Built): void {
  const { definition } = indexed
  const method = /USING (\w+)/.exec(definition)?.[1] ?? 'btree'
  compared.sizes.push({ definition, method, estimated: shadow.bytes, built: built.bytes })
  for (const [at, statement] of statementsOf(indexed).entries()) {
    const [planned, expected] = [shadow.plans[at], built.plans[at]]
    if (!planned || !expected) continue
    compared.pairs.push({
      definition,
      method,
      statement,
      shadow: { shape: shapeOf(planned), cost: planned['Total Cost'] },
      built: { shape: shapeOf(expected), cost: expected['Total Cost'] },
      isUsed: shapeOf(expected).includes(prefix),
    })
  }
}

/** `Limit (Index Scan items_org)`: kinds of nodes and the indexes that they read. */
export function shapeOf(node: PlanNode): string {
  const name = [node['Node Type'], node['Index Name']].filter((word) => word !== undefined).join(' ')
  const inner = (node.Plans ?? []).map(shapeOf)
  return inner.length === 0 ? name : `${name} (${inner.join(', ')})`
}

/** Groups by access method, in the order of their names. */
export function methodsOf<T extends { method: string }>(all: readonly T[]): [string, T[]][] {
  const methods = [...new Set(all.map(({ method }) => method))].sort()
  return methods.map((method) => [method, all.filter((each) => each.method === method)])
}

/** The value that so many per cent of the values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((sorted.length * share) / 100) - 1)] ?? Number.NaN
}
