import { display } from '../../postgres/identifiers.ts'
import { listTablesBySize } from '../../catalog/tables.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** The largest tables, with their indexes and TOAST. */
export const sizes: Section = {
  id: 'table_sizes',
  title: 'Table sizes',
  async look(context) {
    const tables = (await context.read(listTablesBySize)).filter(({ schema }) => context.wants(schema))
    return {
      blocks: [
        tableBlock({
          id: 'table_sizes',
          title: 'The largest tables',
          figures: tables.some(({ sizeIsEstimated }) => sizeIsEstimated)
            ? 'measured and estimated'
            : 'measured',
          columns: [
            ['table', 'text'],
            ['rows', 'count'],
            ['heap and TOAST', 'bytes'],
            ['indexes', 'bytes'],
            ['total', 'bytes'],
            ['inserted', 'count'],
            ['updated', 'count'],
            ['deleted', 'count'],
          ],
          rows: tables.map((table) => [
            display(table),
            table.estimatedRows,
            table.totalBytes - table.indexBytes,
            table.indexBytes,
            table.totalBytes,
            table.inserts,
            table.updates,
            table.deletes,
          ]),
          chart: { label: 0, values: [2, 3] },
          note: `Rows are the planner's estimate. ${tables.length.toLocaleString('en-US')} tables in all.`,
        }),
      ],
    }
  },
}
