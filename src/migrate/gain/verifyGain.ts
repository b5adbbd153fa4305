import { findTraffic } from '../../catalog/tableTraffic.ts'
import { UsageError } from '../../errors.ts'
import type { Database } from '../../postgres/database.ts'
import { borrow } from '../../postgres/database.ts'
import { underSavepoint } from '../../postgres/savepoint.ts'
import { errorCode, isConnectionLost } from '../../postgres/sqlState.ts'
import { compareHistory, refuseDrift } from '../history.ts'
import type { LedgerRow } from '../ledger.ts'
import { ledgerSchema } from '../ledger.ts'
import type { Migration } from '../migration.ts'
import { readHistory } from '../readHistory.ts'
import type { RunOptions } from '../runOptions.ts'
import { buildScript, inReadOnlyTransaction } from '../script.ts'
import type { ChangedObjects } from './changedObjects.ts'
import { namedObjects, toChangedObjects } from './changedObjects.ts'
import type { Evidence, LoggedChange } from './evidence.ts'
import { readEvidence } from './evidence.ts'
import type { Change } from './gainLog.ts'
import { gainLogIsThere, readChanges } from './gainLog.ts'
import type { StatementVerdict, Verdict } from './judge.ts'
import { judgeMigration } from './judgeMigration.ts'

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

/**
 * Compares, for every applied migration, each statement that touches what it changed before and after. The database is
 * only read.
 */
export async function verifyGain(migrations: Migration[], options: GainOptions): Promise<MigrationGain[]> {
  const { rows: ledger } = await readHistory(options.client, migrations)
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
  if (!(await gainLogIsThere(db))) return []
  try {
    return await readChanges(db)
  } catch (error) {
    if (errorCode(error) !== '42501') throw error
    throw new UsageError(
      `This role may not read what the ledger keeps for \`migrate verify --gain\`.`,
      `Let the owner run: GRANT SELECT ON ALL TABLES IN SCHEMA ${ledgerSchema} TO role;`,
      { cause: error },
    )
  }
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
