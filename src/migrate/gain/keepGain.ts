import { randomUUID } from 'node:crypto'
import type { ClientBase } from 'pg'
import { messageOf } from '../../errors.ts'
import { NotSeen } from '../../catalog/notSeen.ts'
import type { CountersSource, StoredReading } from '../../catalog/statementCounters.ts'
import { findCountersSource, readCounters, readingQuery } from '../../catalog/statementCounters.ts'
import { findTraffic } from '../../catalog/tableTraffic.ts'
import type { TableTraffic } from '../../catalog/tableTraffic.ts'
import { borrow } from '../../postgres/database.ts'
import { isConnectionLost } from '../../postgres/sqlState.ts'
import type { Direction, Migration, Ran } from '../migration.ts'
import type { RunOptions } from '../runOptions.ts'
import { readScript } from '../script.ts'
import type { ChangedObjects, NamedObjects } from './changedObjects.ts'
import { namedObjects, toChangedObjects } from './changedObjects.ts'
import { createGainLog, gainLogIsThere, recordRun } from './gainLog.ts'

/** What will run. */
export interface Work {
  direction: Direction
  migrations: Migration[]
  /** What the statements of each migration name, as far as that is known before it runs. */
  named: Map<string, NamedObjects>
  /** Names of those that an earlier run began. */
  resumed: Set<string>
}

/**
 * Runs `work` between two readings of pg_stat_statements, and writes both into the log with what the migrations changed.
 * The first reading stays in memory until then, so a run that is killed leaves nothing behind. Whatever goes wrong with
 * the readings never fails the run; `onEvent` says why there are none.
 */
export async function keepGain<Result extends { ran: Ran[] }>(
  work: Work,
  options: RunOptions,
  run: () => Promise<Result>,
): Promise<Result> {
  const before = await attempt(() => takeFirst(work, options.client))
  const result = await run()
  const ran = result.ran.filter(({ adopted }) => !adopted)
  if (ran.length === 0) return result
  const recorded = await attempt(() => {
    if ('error' in before) throw before.error
    return record(ran, work, before.value, options)
  })
  const reason = 'error' in recorded ? messageOf(recorded.error) : recorded.value
  if (reason !== undefined) options.onEvent?.({ kind: 'gainNotKept', reason })
  return result
}

type Attempt<T> = { value: T } | { error: unknown }

async function attempt<T>(look: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await look() }
  } catch (error) {
    return { error }
  }
}

/** What was there before the run. */
interface First {
  reading: StoredReading | undefined
  source: CountersSource | undefined
  /** Why there is no reading. */
  reason: string | undefined
  /** Of indexes that will be dropped. */
  tables: TableTraffic[]
}

async function takeFirst({ named }: Work, client: ClientBase): Promise<First> {
  const db = borrow(client)
  const dropped = Array.from(named.values()).flatMap(({ droppedIndexes }) => droppedIndexes)
  const { indexes, tables } = await findTraffic(db, dropped)
  // What the tables of these indexes are called is all that is needed later.
  for (const objects of named.values()) {
    for (const { name } of objects.droppedIndexes) {
      objects.relations.push(...indexes.filter((index) => index.name === name).map(({ table }) => table))
    }
  }
  try {
    const source = await findCountersSource(db)
    return { reading: await readCounters(db, source), source, reason: undefined, tables }
  } catch (error) {
    if (isConnectionLost(error)) throw error
    return { reading: undefined, source: undefined, reason: whyNot(error), tables }
  }
}

function whyNot(error: unknown): string {
  return error instanceof NotSeen ? error.message : `pg_stat_statements cannot be read (${messageOf(error)})`
}

/** @returns why there are no readings, if so */
async function record(
  ran: Ran[],
  work: Work,
  first: First,
  options: RunOptions,
): Promise<string | undefined> {
  const db = borrow(options.client)
  if (!(await gainLogIsThere(db))) await options.client.query(createGainLog)
  const objects = await listObjects(ran, work, first, options)
  const changes = ran.map(({ name, direction }) => ({
    name,
    direction,
    objects: objects.get(name),
    reason: work.resumed.has(name) ? 'an earlier run was cut off in it' : undefined,
  }))
  const run = { id: randomUUID(), changes }
  const { reading: before, source, reason = '' } = first
  if (!before || !source) {
    await recordRun(db, run, { reason })
    return reason
  }
  try {
    await recordRun(db, run, { before, after: readingQuery(source) })
    return undefined
  } catch (error) {
    if (isConnectionLost(error)) throw error
    // The run may have moved or dropped the extension: then that is the reason, and not what the query says of it.
    const reasonNow = await findCountersSource(db).then(() => whyNot(error), whyNot)
    await recordRun(db, run, { reason: reasonNow })
    return reasonNow
  }
}

/** What each migration changed, with the state of its tables now that it has run. */
async function listObjects(
  ran: Ran[],
  { migrations, direction, named }: Work,
  { tables }: First,
  options: RunOptions,
): Promise<Map<string, ChangedObjects>> {
  const known = new Map<string, NamedObjects>()
  for (const { name } of ran) {
    const objects = named.get(name) ?? (await readLate(name, migrations, direction, options))
    if (objects) known.set(name, objects)
  }
  const all = Array.from(known.values())
  const now = await findTraffic(
    borrow(options.client),
    all.flatMap(({ relations, madeIndexes }) => [...relations, ...madeIndexes]),
  )
  const found = [...now.tables, ...tables]
  return new Map(
    Array.from(known, ([name, objects]) => {
      const isNamed = (table: { schema: string; name: string }) =>
        objects.relations.some(
          (relation) => relation.name === table.name && (relation.schema ?? table.schema) === table.schema,
        ) ||
        now.indexes.some(
          (index) =>
            isSame(index.table, table) && objects.madeIndexes.some((made) => made.name === index.name),
        )
      const own = found.filter(
        (table, at) => isNamed(table) && found.findIndex((each) => isSame(each, table)) === at,
      )
      return [name, toChangedObjects(objects, { tables: own, indexes: now.indexes })]
    }),
  )
}

function isSame(a: { schema: string; name: string }, b: { schema: string; name: string }): boolean {
  return a.schema === b.schema && a.name === b.name
}

/** The statements of a migration that could not be asked for them before an earlier one had run. */
async function readLate(
  name: string,
  migrations: Migration[],
  direction: Direction,
  options: RunOptions,
): Promise<NamedObjects | undefined> {
  const migration = migrations.find((each) => each.name === name)
  if (!migration) return undefined
  const script = await attempt(() => readScript(migration, direction, options))
  return 'error' in script ? undefined : namedObjects(script.value.statements)
}
