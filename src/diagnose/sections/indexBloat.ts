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
            ['index', 'text'],
            ['table', 'text'],
            ['size', 'bytes'],
            ['wasted', 'bytes'],
            ['bloat', 'percent'],
            ['known', 'text'],
            ['confidence', 'text'],
            ['by', 'text'],
          ],
          rows: trees.map((tree) => [
            display(tree),
            tree.table.name,
            tree.sizeBytes,
            tree.wastedBytes,
            tree.bloatPercent,
            tree.kind,
            tree.confidence,
            tree.how,
          ]),
          note: 'Equal keys are stored once, which the estimate cannot see: its confidence is low where keys repeat.',
        }),
      ],
    }
  },
}
