import { display } from '../../postgres/identifiers.ts'
import { readCacheHits } from '../../metrics/cacheHits.ts'
import { targets } from '../../metrics/targets.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** How often a block was found in shared_buffers. */
export const cache: Section = {
  id: 'cache',
  title: 'Cache hit ratio',
  async look(context) {
    const { blocksHit, blocksRead, blockSize, percent, met, note, mostRead } = await readCacheHits(context)
    return {
      blocks: [
        tableBlock({
          id: 'cache_reads',
          title: 'Tables read most from outside shared_buffers, with their indexes',
          figures: 'measured',
          columns: [
            ['table', 'text', display],
            ['size', 'bytes', ({ totalBytes }) => totalBytes],
            ['found in cache', 'bytes', (table) => table.blocksHit * blockSize],
            ['read', 'bytes', (table) => table.blocksRead * blockSize],
            [
              'hit ratio',
              'percent',
              (table) => (100 * table.blocksHit) / (table.blocksHit + table.blocksRead),
            ],
          ],
          items: mostRead,
          chart: { label: 0, values: [2, 3] },
          note: 'A block that is not in shared_buffers may still come from the memory of the operating system.',
        }),
      ],
      metrics: [
        {
          id: 'cache_hit_ratio',
          title: 'Cache hit ratio',
          value: percent,
          unit: '%',
          target: targets.cache_hit_ratio,
          better: 'higher',
          ...(met === undefined ? {} : { met }),
          kind: 'measured',
          note,
        },
      ],
      counters: { tableBlocksHit: blocksHit, tableBlocksRead: blocksRead },
    }
  },
}
