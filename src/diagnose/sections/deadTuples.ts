import { display } from '../../postgres/identifiers.ts'
import { listTablesBySize } from '../../catalog/tables.ts'
import { deadPercent, rowBytes } from '../../metrics/deadTuples.ts'
import { targets } from '../../metrics/targets.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** Dead rows that VACUUM has not removed yet, and when it last came. */
export const deadTuples: Section = {
  id: 'dead_tuples',
  title: 'Dead tuples and autovacuum',
  async look(context) {
    const tables = (await context.read(listTablesBySize)).filter(({ schema }) => context.wants(schema))
    const { now } = context.server
    const value = deadPercent({
      deadBytes: tables.reduce((sum, table) => sum + table.deadRows * rowBytes(table), 0),
      liveBytes: tables.reduce((sum, table) => sum + table.liveRows * rowBytes(table), 0),
    })
    return {
      blocks: [
        tableBlock({
          id: 'dead_tuples',
          title: 'Tables by dead tuples',
          figures: 'estimated',
          columns: [
            ['table', 'text', display],
            ['live', 'count', ({ liveRows }) => liveRows],
            ['dead', 'count', ({ deadRows }) => deadRows],
            ['dead share', 'percent', (table) => (100 * table.deadRows) / (table.deadRows + table.liveRows)],
            ['changed since ANALYZE', 'count', ({ changesSinceAnalyze }) => changesSinceAnalyze],
            ['since VACUUM', 'seconds', ({ lastVacuumed }) => secondsBetween(lastVacuumed, now)],
            ['since ANALYZE', 'seconds', ({ lastAnalyzed }) => secondsBetween(lastAnalyzed, now)],
          ],
          items: tables
            .filter(({ deadRows }) => deadRows > 0)
            .sort((one, other) => other.deadRows * rowBytes(other) - one.deadRows * rowBytes(one)),
        }),
      ],
      metrics: [
        {
          id: 'dead_tuples',
          title: 'Dead tuples',
          value,
          unit: '%',
          target: targets.dead_tuples,
          better: 'lower',
          ...(value === null ? {} : { met: value < targets.dead_tuples }),
          kind: 'estimated',
          note: 'weighted by size; a table can have none and still be half empty, which free space shows',
        },
      ],
    }
  },
}

function secondsBetween(earlier: Date | null, later: Date): number | null {
  return earlier === null ? null : Math.max(0, (later.getTime() - earlier.getTime()) / 1_000)
}
