import { listDependents } from '../../catalog/dependents.ts'
import { NotSeen } from '../../catalog/notSeen.ts'
import { countStandbys } from '../../catalog/standbys.ts'
import type { CountersReading } from '../../catalog/statementCounters.ts'
import {
  findCountersSource,
  listCountedTexts,
  readCounters,
  toReading,
} from '../../catalog/statementCounters.ts'
import { findStatisticsAge } from '../../catalog/statisticsAge.ts'
import type { IndexScans } from '../../catalog/tableTraffic.ts'
import { findTraffic } from '../../catalog/tableTraffic.ts'
import type { Database } from '../../postgres/database.ts'
import type { ChangedObjects } from './changedObjects.ts'
import type { CountedStatement } from './countedStatement.ts'
import { toCountedStatement } from './countedStatement.ts'
import type { Change, KeptReading } from './gainLog.ts'
import { readReadings } from './gainLog.ts'
import type { Touching } from './touching.ts'
import { touching } from './touching.ts'

/** A change whose objects are known. */
export type LoggedChange = Change & { objects: ChangedObjects }

/** Everything that verdicts are made from. */
export interface Evidence {
  /** In the order in which they ran. */
  changes: Change[]
  /** Those that a run has taken back which was cut off before it wrote that into the log. */
  undated: Change[]
  readings: Map<number, KeptReading>
  /** The counters now, or why they cannot be read. */
  now: CountersReading | { reason: string }
  statements: CountedStatement[]
  touching: Touching
  /** By schema and name. */
  indexes: Map<string, IndexScans>
  /** Reads and rows of each table now. */
  tables: Map<string, { reads: number; liveRows: number }>
  /** The server's clock. */
  takenAt: Date
  countersSince: Date
  standbys: number
  leastWindowMs: number
}

/** Reads what verdicts need, with an empty `search_path`. */
export async function readEvidence(db: Database, changes: Change[], leastWindow: number): Promise<Evidence> {
  const ids = changes.flatMap(({ before, after }) => [before ?? [], after ?? []].flat())
  const readings = ids.length > 0 ? await readReadings(db, [...new Set(ids)]) : []
  const counted = await readNow(db)
  const tables = changes.flatMap(({ objects }) => objects?.tables ?? [])
  const made = changes.flatMap(({ objects }) => objects?.indexes ?? [])
  const traffic = await findTraffic(
    db,
    [...tables, ...made].map(({ schema, name }) => ({ schema, name })),
  )
  const age = await findStatisticsAge(db)
  return {
    changes,
    undated: changes.filter(
      (change, at) =>
        change.direction === 'up' &&
        change.position === null &&
        !changes.slice(at + 1).some(({ name, direction }) => name === change.name && direction === 'down'),
    ),
    readings: new Map(readings.map((reading) => [reading.id, reading])),
    ...counted,
    touching: touching(await listDependents(db)),
    indexes: new Map(traffic.indexes.map((index) => [nameKey(index), index])),
    tables: new Map(traffic.tables.map((table) => [nameKey(table), table])),
    takenAt: new Date(age.resetAt.getTime() + age.ageDays * 86_400_000),
    countersSince: age.resetAt,
    standbys: await countStandbys(db),
    leastWindowMs: leastWindow,
  }
}

async function readNow(db: Database): Promise<Pick<Evidence, 'now' | 'statements'>> {
  try {
    const source = await findCountersSource(db)
    const now = toReading(await readCounters(db, source))
    const statements: CountedStatement[] = []
    for (const text of await listCountedTexts(db, source)) {
      const statement = await toCountedStatement(text)
      if (statement) statements.push(statement)
    }
    return { now, statements }
  } catch (error) {
    if (error instanceof NotSeen) return { now: { reason: error.message }, statements: [] }
    throw error
  }
}

/** A relation as a key. */
export function nameKey({ schema, name }: { schema: string; name: string }): string {
  return JSON.stringify([schema, name])
}
