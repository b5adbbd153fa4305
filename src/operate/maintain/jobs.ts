import type { ClientBase } from 'pg'
import { readOnce } from '../../catalog/reader.ts'
import { listRewriteFacts } from '../../catalog/rewriteFacts.ts'
import { listTables } from '../../catalog/tables.ts'
import { listUpkeepFunctions } from '../../catalog/upkeepFunctions.ts'
import { borrow } from '../../postgres/database.ts'
import { display, qualified } from '../../postgres/identifiers.ts'
import { readOnly } from '../../postgres/readOnly.ts'
import type { Action } from '../action.ts'
import type { LastRuns } from './maintenanceLedger.ts'
import type { Period } from './period.ts'
import { dueAfterMs } from './period.ts'

/** Work that a schedule has to do, and why it is due. Running it gives a line for people; empty for nothing to tell. */
export interface Job extends Action<string> {
  task: string
  subject: string
  why: string
}

/** What is due, and what is not. */
export interface Jobs {
  due: Job[]
  /** How many more there are that were done already. */
  done: number
}

/** Tables smaller than that are left to autovacuum. */
const smallest = 1_048_576

/**
 * The work of a schedule, from the catalog and from what was done before.
 *
 * - daily: the next partitions, by the functions that the command partition has installed
 * - monthly: VACUUM (ANALYZE) of tables of a megabyte and more that nobody has vacuumed for as long and that have changed
 */
export async function findJobs(
  client: ClientBase,
  period: Period,
  last: LastRuns,
  now: Date = new Date(),
): Promise<Jobs> {
  const all = await readOnly(client, async () => {
    if (period === 'daily') return upkeepJobs(client)
    if (period === 'monthly') return vacuumJobs(client, now)
    return []
  })
  const isDue = ({ task, subject }: Job): boolean => {
    const done = last.of(task, subject)
    return done === undefined || now.getTime() - done.getTime() >= dueAfterMs[period]
  }
  const due = all.filter(isDue)
  return { due, done: all.length - due.length }
}

async function upkeepJobs(client: ClientBase): Promise<Job[]> {
  const functions = await listUpkeepFunctions(borrow(client))
  return functions
    .filter(({ isCallable }) => isCallable)
    .map((each) => {
      const sql = `SELECT * FROM ${qualified(each)}()`
      return {
        ...{ task: 'partitions', subject: each.name, sql, affects: [] },
        title: `Make the next partitions: ${each.name}`,
        why: 'partitions are made ahead',
        run: async (session) => {
          const { rows } = await session.query<Record<string, unknown>>(sql)
          const names = rows.map((row) => Object.values(row).map(String).join(' '))
          return names.length > 0 ? `made ${names.join(', ')}` : 'all of them were there'
        },
      }
    })
}

async function vacuumJobs(client: ClientBase, now: Date): Promise<Job[]> {
  const read = readOnce(borrow(client))
  const owned = new Set(
    (await listRewriteFacts(borrow(client))).filter(({ isOwned }) => isOwned).map(({ oid }) => oid),
  )
  return (await read(listTables))
    .filter(({ oid, heapBytes, lastVacuumed, deadRows, changesSinceAnalyze, inserts, updates, deletes }) => {
      const isOld = !lastVacuumed || now.getTime() - lastVacuumed.getTime() >= dueAfterMs.monthly
      const hasChanged =
        deadRows + changesSinceAnalyze > 0 || (!lastVacuumed && inserts + updates + deletes > 0)
      return owned.has(oid) && heapBytes >= smallest && isOld && hasChanged
    })
    .map((table) => {
      const sql = `VACUUM (ANALYZE) ${qualified(table)}`
      const { lastVacuumed } = table
      return {
        ...{ task: 'vacuum', subject: display(table), sql, affects: [] },
        title: `Vacuum and analyze ${display(table)}`,
        why: lastVacuumed
          ? `last vacuumed on ${lastVacuumed.toISOString().slice(0, 10)}`
          : 'no vacuum is on record',
        run: async (session) => {
          await session.query(sql)
          return ''
        },
      }
    })
}
