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
import { borrow } from '../../postgres/database.ts'
import { underSavepoint } from '../../postgres/savepoint.ts'
import { isConnectionLost } from '../../postgres/sqlState.ts'
import { compareHistory, refuseDrift } from '../history.ts'
import type { LedgerRow } from '../ledger.ts'
import { readLedger } from '../ledger.ts'
import type { Migration } from '../migration.ts'
import type { RunOptions } from '../runOptions.ts'
import { buildScript, inReadOnlyTransaction } from '../script.ts'
import type { ChangedObjects } from './changedObjects.ts'
import { namedObjects, toChangedObjects } from './changedObjects.ts'
import type { CountedStatement } from './countedStatement.ts'
import { toCountedStatement } from './countedStatement.ts'
import type { Change, KeptReading } from './gainLog.ts'
import { gainLogIsThere, readChanges, readReadings } from './gainLog.ts'
import type { StatementVerdict, Verdict } from './judge.ts'
import type { LoggedChange } from './judgeMigration.ts'
import { judgeMigration } from './judgeMigration.ts'
import { touching } from './touching.ts'
import type { Touching } from './touching.ts'

/** A statement that touches what a migration changed. */
export interface StatementGain {
  /** Without constants. */
  query: string
  role: string | null
  /** Since the migration. */
  calls: number
  callsBefore: number
  /** Milliseconds; null where it was not called. */
  meanBefore: number | null
  meanAfter: number | null
  /** Shared blocks touched by one call. */
  blocksBefore: number | null
  blocksAfter: number | null
  /** How much longer statements take that the migration does not touch; 1 if there are none. */
  machine: number | null
  /** Probability of such a difference by chance alone, corrected for the number of statements; null if not tested. */
  significance: number | null
  verdict: StatementVerdict
  /** Why the verdict is not a clearer one. */
  reason?: string
  /** It took longer and touched more blocks, and more calls will tell whether that is chance. */
  mayBeLost?: true
}

/** An index that a migration made, and how often it was scanned since. */
export interface IndexGain {
  name: string
  scans: number | null
  verdict: 'used' | 'unused' | 'unknown'
  /** ISO 8601: from when on an unused index may be taken back. */
  takenBackFrom?: string
}

/** What one applied migration brought. */
export interface MigrationGain {
  name: string
  verdict: Verdict
  /** Why the verdict is not a clearer one. */
  reason?: string
  statements: StatementGain[]
  indexes: IndexGain[]
  /** Milliseconds that all calls since took less than before; negative if they took more. Judged statements only. */
  savedMs: number
}

export interface GainOptions extends Pick<RunOptions, 'client' | 'statementTimeoutMs'> {
  /** An index counts as unused only after so many milliseconds. */
  leastWindowMs?: number
}

/** Sessions report scans after a minute at the latest. */
const leastWindowMs = 60_000

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

/**
 * Compares, for every applied migration, each statement that touches what it changed before and after. The database is
 * only read.
 */
export async function verifyGain(migrations: Migration[], options: GainOptions): Promise<MigrationGain[]> {
  const ledger = await readLedger(options.client)
  refuseDrift(compareHistory(migrations, ledger))
  const evidence = await inReadOnlyTransaction(options, async () => {
    const logged = await readLogged(borrow(options.client))
    const changes = withUnlogged(logged, await listUnlogged(ledger, logged, migrations, options))
    await options.client.query(`SET LOCAL search_path = ''`)
    return readEvidence(borrow(options.client), changes, options.leastWindowMs ?? leastWindowMs)
  })
  const applied = ledger.filter(({ state }) => state === 'applied')
  return applied.map((row) => judgeRow(row, evidence))
}

async function readLogged(db: Database): Promise<Change[]> {
  return (await gainLogIsThere(db)) ? readChanges(db) : []
}

/** A migration that was applied before there was a log, or by a run that was killed before it wrote it. */
type Unlogged = Change & { position: number }

async function listUnlogged(
  ledger: LedgerRow[],
  logged: Change[],
  migrations: Migration[],
  options: GainOptions,
): Promise<Unlogged[]> {
  const unlogged: Unlogged[] = []
  for (const row of ledger) {
    if (row.adopted || changeOf(row, logged)) continue
    const migration = migrations.find(({ name }) => name === row.name)
    unlogged.push({
      id: 0,
      position: row.position,
      run: row.name,
      name: row.name,
      direction: 'up',
      ranAt: row.appliedAt ?? new Date(),
      objects: migration && (await objectsInFile(migration, options)),
      before: null,
      after: null,
      reason: 'no counters were kept when it was applied',
    })
  }
  return unlogged
}

/** What a migration changed, by its file. Which table a dropped index was on cannot be looked up any more. */
async function objectsInFile(
  migration: Migration,
  { client, statementTimeoutMs }: GainOptions,
): Promise<ChangedObjects | undefined> {
  const db = borrow(client)
  try {
    const { statements } = await underSavepoint(db, () =>
      buildScript(migration, 'up', client, statementTimeoutMs),
    )
    const named = namedObjects(statements)
    if (named.droppedIndexes.length > 0) return undefined
    return toChangedObjects(named, await findTraffic(db, [...named.relations, ...named.madeIndexes]))
  } catch (error) {
    if (isConnectionLost(error)) throw error
    return undefined
  }
}

/** Puts each where its position in the ledger belongs. */
function withUnlogged(logged: Change[], unlogged: Unlogged[]): Change[] {
  const changes = [...logged]
  for (const each of unlogged) {
    const next = changes.findIndex(({ position }) => position !== null && position > each.position)
    changes.splice(next < 0 ? changes.length : next, 0, each)
  }
  return changes
}

function isReadable(change: Change): change is LoggedChange {
  return change.objects !== undefined
}

function judgeRow(row: LedgerRow, evidence: Evidence): MigrationGain {
  const unknown = (reason: string): MigrationGain => ({
    name: row.name,
    verdict: 'unknown',
    reason,
    statements: [],
    indexes: [],
    savedMs: 0,
  })
  if (row.adopted) return unknown('it was adopted: it changed nothing')
  const change = changeOf(row, evidence.changes)
  if (!change) return unknown('no counters were kept when it was applied')
  if (!isReadable(change)) return unknown(change.reason ?? 'its statements could not be read')
  return judgeMigration(change, evidence)
}

/** The log's entry of a row. If the run that applied it again was killed, the entry is an older one and does not count. */
function changeOf({ position, appliedAt }: LedgerRow, changes: Change[]): Change | undefined {
  return changes.findLast(
    (change) => change.position === position && appliedAt !== null && change.ranAt >= appliedAt,
  )
}

async function readEvidence(db: Database, changes: Change[], leastWindow: number): Promise<Evidence> {
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
