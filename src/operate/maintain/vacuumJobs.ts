import { readOnce } from '../../catalog/reader.ts'
import { listRewriteFacts } from '../../catalog/rewriteFacts.ts'
import { listTables } from '../../catalog/tables.ts'
import type { Database } from '../../postgres/database.ts'
import { display, qualified } from '../../postgres/identifiers.ts'
import type { Job, Work } from './job.ts'
import { dueAfterMs } from './period.ts'

/** Tables smaller than that are left to autovacuum. */
const smallest = 1_048_576

/** The command of pg_cron's job: every table that its role may vacuum, without waiting for one that is locked. */
export const vacuumEverything = 'VACUUM (ANALYZE, SKIP_LOCKED)'

/** VACUUM (ANALYZE) of tables of a megabyte and more that nobody has vacuumed for a month and that have changed. */
export async function vacuumJobs(db: Database, now: Date): Promise<Work> {
  const read = readOnce(db)
  const owned = new Set((await listRewriteFacts(db)).filter(({ isOwned }) => isOwned).map(({ oid }) => oid))
  const tables = (await read(listTables)).filter(
    ({ kind, heapBytes, lastVacuumed, deadRows, changesSinceAnalyze, inserts, updates, deletes }) => {
      const isOld = !lastVacuumed || now.getTime() - lastVacuumed.getTime() >= dueAfterMs.monthly
      const hasChanged =
        deadRows + changesSinceAnalyze > 0 || (!lastVacuumed && inserts + updates + deletes > 0)
      return kind !== 'p' && heapBytes >= smallest && isOld && hasChanged
    },
  )
  return {
    jobs: tables
      .filter(({ oid }) => owned.has(oid))
      .map((table): Job => {
        const sql = `VACUUM (ANALYZE) ${qualified(table)}`
        const { lastVacuumed } = table
        return {
          ...{ task: 'vacuum', subject: display(table), sql, affects: [] },
          title: `Vacuum and analyze ${display(table)}`,
          why: lastVacuumed
            ? `last vacuumed on ${lastVacuumed.toISOString().slice(0, 10)}`
            : 'no vacuum is on record',
          isDoneBy: (command) =>
            command.startsWith('VACUUM') &&
            (command.startsWith(vacuumEverything) || command.includes(qualified(table))),
          run: async (session) => {
            await session.query(sql)
            return ''
          },
        }
      }),
    cannot: tables
      .filter(({ oid }) => !owned.has(oid))
      .map((table) => `vacuum ${display(table)}: it belongs to another role`),
  }
}
