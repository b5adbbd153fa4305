import { display } from '../../db/identifiers.ts'
import { listTableStatistics } from '../../introspect/tableStatistics.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** Reading a smaller table whole is the fastest way to read it. */
const largeRows = 10_000
/** The plan's own limit, for tables where it means something. */
const manyScans = 100

/** Large tables that are read whole, again and again. */
export const sequentialScans: Section = {
  id: 'sequential_scans',
  title: 'Sequential scans',
  async look(context) {
    const tables = (await context.read(listTableStatistics)).filter(({ schema }) => context.wants(schema))
    const scanned = tables
      .filter(({ seqScans }) => seqScans > 0)
      .sort((a, b) => b.seqRowsRead - a.seqRowsRead)
    const offenders = scanned.filter(
      ({ liveRows, rows, seqScans, seqRowsRead, indexRowsFetched }) =>
        Math.max(liveRows, rows ?? 0) >= largeRows && seqScans >= manyScans && seqRowsRead > indexRowsFetched,
    )
    return {
      blocks: [
        tableBlock({
          id: 'sequential_scans',
          title: 'Tables by rows read in sequential scans',
          figures: 'measured',
          columns: [
            ['table', 'text'],
            ['rows', 'count'],
            ['sequential scans', 'count'],
            ['rows read so', 'count'],
            ['index scans', 'count'],
            ['rows fetched so', 'count'],
          ],
          rows: scanned.map((table) => [
            display(table),
            table.rows ?? table.liveRows,
            table.seqScans,
            table.seqRowsRead,
            table.indexScans,
            table.indexRowsFetched,
          ]),
          note: "Rows are the planner's estimate. What backups and count(*) read is counted too.",
        }),
      ],
      metrics: [
        {
          id: 'sequential_scans',
          title: 'Large tables read whole again and again',
          value: offenders.length,
          unit: 'tables',
          target: 0,
          better: 'lower',
          met: offenders.length === 0,
          kind: 'measured',
          note: `of at least ${largeRows.toLocaleString('en-US')} rows, with ${manyScans} sequential scans or more, which read more rows than its index scans; small tables are best read whole`,
        },
      ],
      counters: { sequentialRowsRead: scanned.reduce((sum, table) => sum + table.seqRowsRead, 0) },
    }
  },
}
