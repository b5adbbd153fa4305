import { escapeLiteral } from 'pg'
import type { ClientBase } from 'pg'
import { quote } from '../../postgres/identifiers.ts'
import { isConnectionLost } from '../../postgres/sqlState.ts'
import { openShadow } from '../openShadow.ts'
import type { Shadow } from '../openShadow.ts'
import { restoreColumnStatistics } from './columnStatistics.ts'
import type { NotRestored } from './columnStatistics.ts'
import { estimateExpressionStatistics } from './expressionStatistics.ts'
import { restoreExtendedStatistics } from './extendedStatistics.ts'
import { readIndexShapes } from './indexShapes.ts'
import { estimateBlocks, ginPagesOf } from './indexSize.ts'
import { emptyFiles, setSizes } from './relationFiles.ts'
import type { Size } from './relationFiles.ts'
import { readPlannerState } from './state.ts'
import type { ColumnState, PlannerState, WithoutStatistics } from './state.ts'

/** A shadow whose planner plans as the source's does: it knows the same sizes, statistics and settings, and no row. */
export interface Planner extends Shadow {
  /** Tables of which it knows less than it should, for the source has no statistics, or does not show them. */
  withoutStatistics: WithoutStatistics[]
  /** Statistics that the shadow could not take. */
  notRestored: NotRestored[]
  /**
   * Builds indexes and gives them the size that they would have on the source. Sessions that are open end.
   *
   * @returns what PostgreSQL refused, by name
   */
  buildIndexes(indexes: readonly IndexToBuild[]): Promise<Map<string, string>>
}

/** An index, and the statement that builds it. */
export interface IndexToBuild {
  schema: string
  name: string
  sql: string
}

/**
 * Starts a shadow and gives it what the source's planner knows. The source is only read: catalog, `pg_stats` and sizes.
 *
 * ```ts
 * const planner = await openPlanner(client)
 * const session = await planner.connect('authenticated')
 * await session.query('EXPLAIN SELECT * FROM bookings WHERE city_id = 7') // the cost that production would show
 * await planner.close()
 * ```
 */
export async function openPlanner(source: ClientBase): Promise<Planner> {
  const state = await readPlannerState(source)
  const shadow = await openShadow(source)
  try {
    const using = async <T>(work: (client: ClientBase) => Promise<T>): Promise<T> => {
      const client = await shadow.connect()
      try {
        return await work(client)
      } finally {
        await client.end()
      }
    }
    const resize = async (sizes: readonly Size[]): Promise<void> => {
      await using((client) => setSizes(client, shadow.dataDirectory, sizes))
      await shadow.restart()
    }
    const sizes = sizesOf(state)
    const tables = sizes.filter(({ blocks, btreeKeyBytes }) => blocks > 0 && btreeKeyBytes === undefined)
    const notRestored = await using(async (client) => {
      const refused = [
        ...(await restoreColumnStatistics(client, state.columns)),
        ...(await restoreExtendedStatistics(client, state.extended, shadow.version >= 15)),
      ]
      await applySettings(client, state)
      return refused
    })
    await resize(sizes)
    return {
      ...shadow,
      withoutStatistics: state.withoutStatistics,
      notRestored,
      buildIndexes: async (indexes) => {
        await using((client) => emptyFiles(client, shadow.dataDirectory, tables))
        await shadow.restart()
        const refused = await using((client) => build(client, indexes))
        // Statistics, and what a partial index holds, are a matter of the table's size.
        await resize(tables)
        await using((client) => estimateExpressionStatistics(client, indexes))
        await resize(await using((client) => estimateSizes(client, indexes)))
        return refused
      },
    }
  } catch (error) {
    await shadow.close()
    throw error
  }
}

async function build(client: ClientBase, indexes: readonly IndexToBuild[]): Promise<Map<string, string>> {
  const refused = new Map<string, string>()
  for (const { name, sql } of indexes) {
    try {
      await client.query(sql)
    } catch (error) {
      if (isConnectionLost(error)) throw error
      refused.set(name, error instanceof Error ? error.message : String(error))
    }
  }
  return refused
}

async function estimateSizes(client: ClientBase, indexes: readonly IndexToBuild[]): Promise<Size[]> {
  return (await readIndexShapes(client, indexes)).map((shape) => {
    const { schema, name, rows, method, columns } = shape
    const blocks = estimateBlocks(shape)
    const size = { schema, name, blocks, relpages: blocks, reltuples: rows, relallvisible: 0 }
    const btreeKeyBytes = columns.reduce(
      (sum, { isKey, statistics }) => sum + (isKey ? statistics.width : 0),
      0,
    )
    if (method === 'gin') return { ...size, gin: ginPagesOf(shape) }
    return method === 'btree' ? { ...size, btreeKeyBytes } : size
  })
}

/** A setting that another version does not have, or whose value it does not take, is no reason to stop. */
async function applySettings(client: ClientBase, { settings }: PlannerState): Promise<void> {
  const { rows } = await client.query<{ name: string }>('SELECT name FROM pg_catalog.pg_settings')
  const known = new Set(rows.map(({ name }) => name))
  for (const { name, value } of settings.filter((setting) => known.has(setting.name))) {
    await client.query(`ALTER SYSTEM SET ${quote(name)} = ${escapeLiteral(value)}`)
  }
}

function sizesOf({ relations, columns }: PlannerState): Size[] {
  const widths = new Map(columns.map((column) => [keyOf(column), column.width]))
  const widthOf = (schema: string, relation: string, column: string | null): number =>
    (column === null ? undefined : widths.get(keyOf({ schema, relation, column }))) ?? defaultKeyBytes
  return relations.map(({ method, keys, table, ...size }) =>
    method === 'btree' && keys !== null && table !== null
      ? {
          ...size,
          btreeKeyBytes: keys.reduce((sum, key) => sum + widthOf(size.schema, table, key), 0),
        }
      : size,
  )
}

/** Of a key whose width nobody knows. */
const defaultKeyBytes = 16

const keyOf = ({ schema, relation, column }: Pick<ColumnState, 'schema' | 'relation' | 'column'>): string =>
  JSON.stringify([schema, relation, column])
