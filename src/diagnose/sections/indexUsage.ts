import { display } from '../../postgres/identifiers.ts'
import { listIndexBloat } from '../../catalog/indexBloat.ts'
import type { IndexUse } from '../../catalog/indexes.ts'
import { listIndexUse } from '../../catalog/indexes.ts'
import type { TableBlock } from '../block.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'
import { bloatByName } from './tableBloat.ts'

/** The largest indexes and those that nothing scanned. */
export const indexUsage: Section = {
  id: 'index_usage',
  title: 'Index sizes and use',
  async look(context) {
    const indexes = (await context.read(listIndexUse)).filter(({ schema }) => context.wants(schema))
    const unscanned = indexes.filter(
      ({ scans, isUnique, backsConstraint }) => scans === 0 && !isUnique && !backsConstraint,
    )
    const bloat = await bloatByName(context, listIndexBloat)
    return {
      blocks: [
        {
          ...table('index_sizes', 'The largest indexes', indexes, bloat),
          chart: { label: 0, values: [2] },
          note: `${indexes.length.toLocaleString('en-US')} indexes in all. Bloat is known of B-trees of a megabyte or more.`,
        },
        {
          ...table('index_unscanned', 'Indexes without a scan since the reset', unscanned, bloat),
          note: 'No proof that an index is unused: counters may be young, and replicas keep their own. The rule unused_index asks for more.',
        },
      ],
    }
  },
}

function table(
  id: string,
  title: string,
  indexes: IndexUse[],
  bloat: ReadonlyMap<string, number>,
): TableBlock {
  return tableBlock({
    id,
    title,
    figures: 'measured',
    columns: [
      ['index', 'text', display],
      ['table', 'text', (index) => index.table.name],
      ['size', 'bytes', ({ sizeBytes }) => sizeBytes],
      ['bloat', 'percent', (index) => bloat.get(display(index)) ?? null],
      ['scans', 'count', ({ scans }) => scans],
      ['method', 'text', ({ accessMethod }) => accessMethod],
      ['valid', 'text', ({ isValid }) => (isValid ? 'yes' : 'no')],
    ],
    items: indexes,
  })
}
