import { escapeLiteral } from 'pg'
import type { ClientBase } from 'pg'
import { quote } from '../../postgres/identifiers.ts'
import { openShadow } from '../openShadow.ts'
import type { Shadow } from '../openShadow.ts'
import { restoreColumnStatistics } from './columnStatistics.ts'
import type { NotRestored } from './columnStatistics.ts'
import { restoreExtendedStatistics } from './extendedStatistics.ts'
import { setSizes } from './relationFiles.ts'
import type { Size } from './relationFiles.ts'
import { readPlannerState } from './state.ts'
import type { ColumnState, PlannerState, WithoutStatistics } from './state.ts'

/** A shadow whose planner plans as the source's does: it knows the same sizes, statistics and settings, and no row. */
export interface Planner extends Shadow {
  /** Tables of which it knows less than it should, for the source has no statistics, or does not show them. */
  withoutStatistics: WithoutStatistics[]
  /** Statistics that the shadow could not take. */
  notRestored: NotRestored[]
  /** Gives relations of the shadow another size. Sessions that are open end. */
  setSizes(sizes: readonly Size[]): Promise<void>
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
    const restart = async (sizes: readonly Size[]): Promise<void> => {
      const client = await shadow.connect()
      try {
        await setSizes(client, shadow.dataDirectory, sizes)
      } finally {
        await client.end()
      }
      await shadow.restart()
    }
    const client = await shadow.connect()
    let notRestored: NotRestored[]
    try {
      notRestored = [
        ...(await restoreColumnStatistics(client, state.columns)),
        ...(await restoreExtendedStatistics(client, state.extended, shadow.version >= 15)),
      ]
      await applySettings(client, state)
    } finally {
      await client.end()
    }
    await restart(sizesOf(state))
    return { ...shadow, withoutStatistics: state.withoutStatistics, notRestored, setSizes: restart }
  } catch (error) {
    await shadow.close()
    throw error
  }
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
