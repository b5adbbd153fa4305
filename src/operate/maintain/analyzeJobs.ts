import { listPartitionedTables } from '../../catalog/partitions.ts'
import type { Database } from '../../postgres/database.ts'
import { display, qualified } from '../../postgres/identifiers.ts'
import type { Job, Work } from './job.ts'
import { dueAfterMs } from './period.ts'

/** Statistics of partitioned tables as a whole, which autovacuum never gathers and joins of them are planned by. */
export async function analyzeJobs(db: Database, now: Date): Promise<Work> {
  const tables = (await listPartitionedTables(db)).filter(
    ({ lastAnalyzed }) => !lastAnalyzed || now.getTime() - lastAnalyzed.getTime() >= dueAfterMs.weekly,
  )
  return {
    jobs: tables
      .filter(({ isOwned }) => isOwned)
      .map((table): Job => {
        const sql = `ANALYZE ${qualified(table)}`
        return {
          ...{ task: 'analyze', subject: display(table), sql, affects: [] },
          title: `Analyze ${display(table)} as a whole`,
          why: 'autovacuum analyzes partitions alone',
          isDoneBy: (command) => command.includes(`ANALYZE ${qualified(table)}`),
          run: async (session) => {
            await session.query(sql)
            return ''
          },
        }
      }),
    cannot: tables
      .filter(({ isOwned }) => !isOwned)
      .map((table) => `analyze ${display(table)}: it belongs to another role`),
  }
}
