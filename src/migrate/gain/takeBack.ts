import { listForeignKeys } from '../../catalog/foreignKeys.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import { readOnce } from '../../catalog/reader.ts'
import { countStandbys } from '../../catalog/standbys.ts'
import { UsageError } from '../../errors.ts'
import type { Database } from '../../postgres/database.ts'
import { borrow } from '../../postgres/database.ts'
import { display } from '../../postgres/identifiers.ts'
import { isConnectionLost } from '../../postgres/sqlState.ts'
import { foreignKeyWithout } from '../../rules/indexes/foreignKeyIndexes.ts'
import { takeBackSelected } from '../down.ts'
import { compareHistory, refuseDrift } from '../history.ts'
import type { LedgerRow } from '../ledger.ts'
import { allowTakenBack, readLedger } from '../ledger.ts'
import type { Migration } from '../migration.ts'
import { readHistory } from '../readHistory.ts'
import type { RunOptions } from '../runOptions.ts'
import { readScript } from '../script.ts'
import type { RunResult } from '../up.ts'
import { underRunLock } from '../up.ts'
import type { ChangedObjects } from './changedObjects.ts'
import { namedObjects } from './changedObjects.ts'
import { gainLogIsThere, readChanges } from './gainLog.ts'
import type { MigrationGain } from './verifyGain.ts'

/** A migration that should go, or should but stays, and why. */
export interface TakeBackReason {
  name: string
  reason: string
}

export interface TakeBackChoice {
  /** Newest first. */
  chosen: TakeBackReason[]
  /** They made something slower or are unused, but stay. */
  left: TakeBackReason[]
}

/**
 * Chooses what to take back: what made a statement slower, and what made only indexes that were not used for 35 days.
 * One that is not the newest goes alone only if no later migration depends on it.
 */
export async function chooseTakeBack(
  migrations: Migration[],
  gains: MigrationGain[],
  options: Pick<RunOptions, 'client' | 'statementTimeoutMs'>,
): Promise<TakeBackChoice> {
  const ledger = (await readLedger(options.client)).filter(({ state }) => state !== 'takenBack')
  const choice: TakeBackChoice = { chosen: [], left: [] }
  const stays: LedgerRow[] = []
  const db = borrow(options.client)
  const standbys = await countStandbys(db)
  const changes = (await gainLogIsThere(db)) ? await readChanges(db) : []
  const readChanged = ({ name, position }: LedgerRow) =>
    readOne(
      migrations.find((each) => each.name === name),
      changes.findLast((change) => change.position === position)?.objects,
      options,
    )
  for (const row of ledger.toReversed()) {
    const gain = gains.find(({ name }) => name === row.name)
    const wish = gain && wishOf(gain, standbys)
    const reason =
      wish && 'chosen' in wish
        ? ((await findForeignKey(gain, db)) ?? (await findDependent(row, stays, readChanged)))
        : wish?.left
    if (wish && 'chosen' in wish && reason === undefined) {
      choice.chosen.push({ name: row.name, reason: wish.chosen })
      continue
    }
    if (reason !== undefined) choice.left.push({ name: row.name, reason })
    stays.push(row)
  }
  return choice
}

/** Takes the chosen migrations back, and marks them in the ledger, so that `up` does not apply them again. */
export async function takeBack(
  migrations: Migration[],
  chosen: TakeBackReason[],
  options: RunOptions,
): Promise<RunResult> {
  return underRunLock(options, async () => {
    const { rows: ledger } = await readHistory(options.client, migrations)
    refuseDrift(compareHistory(migrations, ledger))
    const selected = chosen.map(({ name }) => {
      const row = ledger.find((each) => each.name === name && each.state === 'applied')
      const migration = migrations.find((each) => each.name === name)
      if (row && migration) return { row, migration }
      throw new UsageError(
        `${name} is no longer applied; another run has changed it meanwhile.`,
        'Run `migrate verify --gain` again.',
      )
    })
    await allowTakenBack(options.client)
    return takeBackSelected(selected, { ...options, marksTakenBack: true })
  })
}

function wishOf(gain: MigrationGain, standbys: number): { chosen: string } | { left: string } | undefined {
  if (gain.verdict === 'lost') {
    const slower = gain.statements.filter(({ verdict }) => verdict === 'lost').length
    return { chosen: slower === 1 ? 'it made a statement slower' : `it made ${slower} statements slower` }
  }
  if (gain.verdict !== 'unused') return undefined
  const from = gain.indexes
    .map(({ takenBackFrom = '' }) => takenBackFrom)
    .reduce((latest, each) => (each > latest ? each : latest), '')
  if (new Date(from).getTime() > Date.now()) {
    return { left: `not used so far; taken back if that is still so on ${from.slice(0, 10)}` }
  }
  if (standbys > 0) {
    return { left: `not used on this server; ask the standbys, of which it knows ${standbys}` }
  }
  return { chosen: 'its indexes were not used for 35 days' }
}

/** Why an unused index stays all the same: deleting the rows that a foreign key refers to would scan the table. */
async function findForeignKey(gain: MigrationGain, db: Database): Promise<string | undefined> {
  if (gain.verdict !== 'unused') return undefined
  const read = readOnce(db)
  const indexes = await read(listIndexes)
  const keys = await read(listForeignKeys)
  const needed = indexes.find(
    (index) =>
      gain.indexes.some(({ name }) => name === display(index)) &&
      foreignKeyWithout(
        index,
        indexes.filter(({ oid, tableOid }) => oid !== index.oid && tableOid === index.tableOid),
        keys,
      ) !== undefined,
  )
  return needed && `not used, but ${display(needed)} is the only index for a foreign key`
}

/** Why a migration cannot go alone: a later one that stays depends on it. */
async function findDependent(
  row: LedgerRow,
  later: LedgerRow[],
  readChanged: (row: LedgerRow) => Promise<Changed | undefined>,
): Promise<string | undefined> {
  if (later.length === 0) return undefined
  const own = await readChanged(row)
  if (!own) return 'its file cannot be read'
  for (const each of later) {
    const other = await readChanged(each)
    const why = other ? dependsOn(other, own) : 'cannot be read'
    if (why !== undefined) {
      return `${each.name}, applied later, ${why}; \`migrate down --to ${row.name}\` takes back both`
    }
  }
  return undefined
}

/** A migration, and what it changed. */
interface Changed {
  /** Its statements in both directions, and its conditions: where it says what it depends on. */
  texts: string[]
  indexes: string[]
  onlyMakesIndexes: boolean
  /** Names of tables and functions; undefined if one is not known, since an index was dropped. */
  objects: Set<string> | undefined
}

async function readOne(
  migration: Migration | undefined,
  logged: ChangedObjects | undefined,
  options: Pick<RunOptions, 'client' | 'statementTimeoutMs'>,
): Promise<Changed | undefined> {
  if (!migration) return undefined
  try {
    const up = await readScript(migration, 'up', options)
    const down = await readScript(migration, 'down', options)
    const named = namedObjects(up.statements)
    const { madeIndexes, droppedIndexes, onlyMakesIndexes } = named
    const objects = logged
      ? [...logged.tables, ...logged.functions]
      : [...named.relations, ...named.functions]
    return {
      texts: [
        ...[...up.statements, ...down.statements].map(({ sql }) => sql),
        ...(migration.optimization?.after ?? []).map(({ description }) => description),
      ],
      indexes: [...madeIndexes, ...droppedIndexes].map(({ name }) => name).filter((name) => name !== ''),
      onlyMakesIndexes,
      objects: logged || droppedIndexes.length === 0 ? new Set(objects.map(({ name }) => name)) : undefined,
    }
  } catch (error) {
    if (isConnectionLost(error)) throw error
    return undefined
  }
}

/**
 * Judged by objects: the later one names an index of the earlier one, or both change the same table, and not only by
 * making indexes. Names are compared without their schemas, since a statement may leave them out.
 */
function dependsOn(later: Changed, earlier: Changed): string | undefined {
  const index = earlier.indexes.find((name) => later.texts.some((text) => text.includes(name)))
  if (index !== undefined) return `names ${index}`
  if (later.onlyMakesIndexes && earlier.onlyMakesIndexes) return undefined
  if (!later.objects || !earlier.objects) return 'may change the same table'
  const { objects } = later
  const shared = Array.from(earlier.objects).find((name) => objects.has(name))
  return shared === undefined ? undefined : `changes ${shared} too`
}
