import { display } from '../../postgres/identifiers.ts'
import { listIndexBloat } from '../../catalog/indexBloat.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'
import { certainty } from './tableBloat.ts'

/** Space in B-trees that holds no entry. */
export const indexBloat: Section = {
  id: 'index_bloat',
  title: 'Index bloat',
  async look(context) {
    const trees = (await context.read(listIndexBloat)).filter(({ schema }) => context.wants(schema))
    return {
      blocks: [
        tableBlock({
          id: 'index_bloat',
          title: 'B-trees of a megabyte or more, by wasted space',
          figures: certainty(trees),
          columns: [
            ['index', 'text', display],
            ['table', 'text', ({ table }) => table.name],
            ['size', 'bytes', ({ sizeBytes }) => sizeBytes],
            ['wasted', 'bytes', ({ wastedBytes }) => wastedBytes],
            ['bloat', 'percent', ({ bloatPercent }) => bloatPercent],
            ['known', 'text', ({ kind }) => kind],
            ['confidence', 'text', ({ confidence }) => confidence],
            ['by', 'text', ({ how }) => how],
          ],
          items: trees,
          note: 'Equal keys are stored once, which the estimate cannot see: its confidence is low where keys repeat.',
        }),
      ],
    }
  },
}
