import { display } from '../../postgres/identifiers.ts'
import type { IndexUse } from '../../catalog/indexes.ts'
import { listIndexUse } from '../../catalog/indexes.ts'
import type { TableBlock } from '../block.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** The largest indexes and those that nothing scanned. */
export const indexUsage: Section = {
  id: 'index_usage',
  title: 'Index sizes and use',
  async look(context) {
    const indexes = (await context.read(listIndexUse)).filter(({ schema }) => context.wants(schema))
    const unscanned = indexes.filter(
      ({ scans, isUnique, backsConstraint }) => scans === 0 && !isUnique && !backsConstraint,
    )
    return {
      blocks: [
        {
          ...table('index_sizes', 'The largest indexes', indexes),
          chart: { label: 0, values: [2] },
          note: `${indexes.length.toLocaleString('en-US')} indexes in all.`,
        },
        {
          ...table('index_unscanned', 'Indexes without a scan since the reset', unscanned),
          note: 'No proof that an index is unused: counters may be young, and replicas keep their own. The rule unused_index asks for more.',
        },
      ],
    }
  },
}

function table(id: string, title: string, indexes: IndexUse[]): TableBlock {
  return tableBlock({
    id,
    title,
    figures: 'measured',
    columns: [
      ['index', 'text', display],
      ['table', 'text', (index) => index.table.name],
      ['size', 'bytes', ({ sizeBytes }) => sizeBytes],
      ['scans', 'count', ({ scans }) => scans],
      ['method', 'text', ({ accessMethod }) => accessMethod],
      ['valid', 'text', ({ isValid }) => (isValid ? 'yes' : 'no')],
    ],
    items: indexes,
  })
}
