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
            ['table', 'text', display],
            ['rows', 'count', ({ estimatedRows }) => estimatedRows],
            ['heap and TOAST', 'bytes', (table) => table.totalBytes - table.indexBytes],
            ['indexes', 'bytes', ({ indexBytes }) => indexBytes],
            ['total', 'bytes', ({ totalBytes }) => totalBytes],
            ['inserted', 'count', ({ inserts }) => inserts],
            ['updated', 'count', ({ updates }) => updates],
            ['deleted', 'count', ({ deletes }) => deletes],
          ],
          items: tables,
          chart: { label: 0, values: [2, 3] },
          note: `Rows are the planner's estimate. ${tables.length.toLocaleString('en-US')} tables in all.`,
        }),
      ],
    }
  },
}
