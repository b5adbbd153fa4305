import { display } from '../../postgres/identifiers.ts'
import { listTablesBySize } from '../../catalog/tables.ts'
import { listTableBloat } from '../../catalog/bloat.ts'
import { bloatByName } from './tableBloat.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** The largest tables, with their indexes and TOAST. */
export const sizes: Section = {
  id: 'table_sizes',
  title: 'Table sizes',
  async look(context) {
    const tables = (await context.read(listTablesBySize)).filter(({ schema }) => context.wants(schema))
    const bloat = await bloatByName(context, listTableBloat)
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
            ['bloat', 'percent', (table) => bloat.get(display(table)) ?? null],
            ['inserted', 'count', ({ inserts }) => inserts],
            ['updated', 'count', ({ updates }) => updates],
            ['deleted', 'count', ({ deletes }) => deletes],
          ],
          items: tables,
          chart: { label: 0, values: [2, 3] },
          note: `Rows are the planner's estimate. Bloat is known of heaps of a megabyte or more. ${tables.length.toLocaleString('en-US')} tables in all.`,
        }),
      ],
    }
  },
}
