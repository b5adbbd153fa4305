import { display } from '../../db/identifiers.ts'
import { readBlockSize } from '../../introspect/bloat.ts'
import { listTableStatistics } from '../../introspect/tableStatistics.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** Fewer blocks than this say nothing: eighty megabytes. */
const enoughBlocks = 10_000

/** How often a block was found in shared_buffers. */
export const cache: Section = {
  id: 'cache',
  title: 'Cache hit ratio',
  async look(context) {
    const tables = (await context.read(listTableStatistics)).filter(({ schema }) => context.wants(schema))
    const blockSize = await context.read(readBlockSize)
    const hit = tables.reduce((sum, table) => sum + table.blocksHit, 0)
    const read = tables.reduce((sum, table) => sum + table.blocksRead, 0)
    const stored = tables.reduce((sum, table) => sum + table.totalBytes, 0)
    const total = hit + read
    const value = total === 0 ? null : Number(((100 * hit) / total).toFixed(2))
    const readOnce = read * blockSize <= stored
    const worst = tables
      .filter(({ blocksRead }) => blocksRead > 0)
      .sort((a, b) => b.blocksRead - a.blocksRead)
    return {
      blocks: [
        tableBlock({
          id: 'cache_reads',
          title: 'Tables read most from outside shared_buffers, with their indexes',
          figures: 'measured',
          columns: [
            ['table', 'text'],
            ['size', 'bytes'],
            ['found in cache', 'bytes'],
            ['read', 'bytes'],
            ['hit ratio', 'percent'],
          ],
          rows: worst.map((table) => [
            display(table),
            table.totalBytes,
            table.blocksHit * blockSize,
            table.blocksRead * blockSize,
            (100 * table.blocksHit) / (table.blocksHit + table.blocksRead),
          ]),
          chart: { label: 0, values: [2, 3] },
          note: 'A block that is not in shared_buffers may still come from the memory of the operating system.',
        }),
      ],
      metrics: [
        {
          id: 'cache_hit_ratio',
          title: 'Cache hit ratio',
          value,
          unit: '%',
          target: 99,
          better: 'higher',
          ...(value === null || total < enoughBlocks ? {} : { met: value >= 99 || readOnce }),
          kind: 'measured',
          note: noteOn(total, readOnce, value),
        },
      ],
      counters: { tableBlocksHit: hit, tableBlocksRead: read },
    }
  },
}

function noteOn(total: number, readOnce: boolean, value: number | null): string {
  if (total < enoughBlocks) return 'too little was read since the reset to judge'
  if (readOnce && (value ?? 100) < 99)
    return 'no more was read than is stored: every block was fetched about once'
  return 'a cold start and large reads lower it; an index that saves reads raises it more than memory does'
}
