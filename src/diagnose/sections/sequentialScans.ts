import { display } from '../../postgres/identifiers.ts'
import { knownRows, listTablesBySize } from '../../catalog/tables.ts'
import { listTablesReadWhole, readWholeMeans } from '../../metrics/tablesReadWhole.ts'
import { targets } from '../../metrics/targets.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** Large tables that are read whole, again and again. */
export const sequentialScans: Section = {
  id: 'sequential_scans',
  title: 'Sequential scans',
  async look(context) {
    const tables = (await context.read(listTablesBySize)).filter(({ schema }) => context.wants(schema))
    const scanned = tables
      .filter(({ sequentialScans }) => sequentialScans > 0)
      .sort((a, b) => b.rowsReadSequentially - a.rowsReadSequentially)
    const offenders = await listTablesReadWhole(context)
    return {
      blocks: [
        tableBlock({
          id: 'sequential_scans',
          title: 'Tables by rows read in sequential scans',
          figures: 'measured',
          columns: [
            ['table', 'text', display],
            ['rows', 'count', knownRows],
            ['sequential scans', 'count', (table) => table.sequentialScans],
            ['rows read so', 'count', ({ rowsReadSequentially }) => rowsReadSequentially],
            ['index scans', 'count', ({ indexScans }) => indexScans],
            ['rows fetched so', 'count', ({ rowsFetchedByIndex }) => rowsFetchedByIndex],
          ],
          items: scanned,
          note: "Rows are the planner's estimate. What backups and count(*) read is counted too.",
        }),
      ],
      metrics: [
        {
          id: 'sequential_scans',
          title: 'Large tables read whole again and again',
          value: offenders.length,
          unit: 'tables',
          target: targets.sequential_scans,
          better: 'lower',
          met: offenders.length <= targets.sequential_scans,
          kind: 'measured',
          note: readWholeMeans,
        },
      ],
      counters: { sequentialRowsRead: scanned.reduce((sum, table) => sum + table.rowsReadSequentially, 0) },
    }
  },
}
