import type { RelationName } from '../../postgres/identifiers.ts'
import { display } from '../../postgres/identifiers.ts'
import { attempt } from '../../catalog/attempt.ts'
import type { Bloat } from '../../catalog/bloat.ts'
import { listTableBloat } from '../../catalog/bloat.ts'
import type { Reader } from '../../catalog/reader.ts'
import { targets } from '../../metrics/targets.ts'
import type { Certainty } from '../block.ts'
import { tableBlock } from '../block.ts'
import type { Section, SectionContext } from '../section.ts'

/** Space in heaps that holds no row. */
export const tableBloat: Section = {
  id: 'table_bloat',
  title: 'Table bloat and free space',
  async look(context) {
    const heaps = (await context.read(listTableBloat)).filter(({ schema }) => context.wants(schema))
    const known = heaps.filter(({ kind }) => kind !== 'unknown')
    const bytes = known.reduce((sum, heap) => sum + heap.heapBytes, 0)
    const wasted = known.reduce((sum, heap) => sum + (heap.wastedBytes ?? 0), 0)
    const value = bytes === 0 ? null : Number(((100 * wasted) / bytes).toFixed(1))
    const unknown = heaps.length - known.length
    return {
      blocks: [
        tableBlock({
          id: 'table_bloat',
          title: 'Heaps of a megabyte or more, by wasted space',
          figures: certainty(heaps),
          columns: [
            ['table', 'text', display],
            ['heap', 'bytes', ({ heapBytes }) => heapBytes],
            ['wasted', 'bytes', ({ wastedBytes }) => wastedBytes],
            ['bloat', 'percent', ({ bloatPercent }) => bloatPercent],
            ['known', 'text', ({ kind }) => kind],
            ['by', 'text', ({ how }) => how],
          ],
          items: heaps,
          note: 'VACUUM makes this space usable for new rows; only VACUUM FULL and pg_repack give it back to the disk.',
        }),
      ],
      metrics: [
        {
          id: 'free_space',
          title: 'Free space in tables',
          value,
          unit: '%',
          target: targets.free_space,
          better: 'lower',
          ...(value === null ? {} : { met: value < targets.free_space }),
          kind: certainty(heaps) === 'measured' ? 'measured' : 'estimated',
          note:
            heaps.length === 0
              ? 'no table is as large as a megabyte'
              : `${known.length} of ${heaps.length} tables of a megabyte or more${unknown > 0 ? `; ${unknown} unknown` : ''}`,
        },
      ],
    }
  },
}

/** The bloat of each relation in per cent, for a list of sizes; empty where it cannot be read. */
export async function bloatByName(
  { db, read }: SectionContext,
  reader: Reader<(RelationName & Bloat)[]>,
): Promise<Map<string, number>> {
  const found = await attempt(db, () => read(reader))
  if (found.status !== 'ok') return new Map()
  return new Map(
    found.value.flatMap((each) => (each.bloatPercent === null ? [] : [[display(each), each.bloatPercent]])),
  )
}

/** Measured only where every figure is; unknown ones are neither. */
export function certainty(figures: { kind: 'measured' | 'estimated' | 'unknown' }[]): Certainty {
  const measured = figures.some(({ kind }) => kind === 'measured')
  const estimated = figures.some(({ kind }) => kind !== 'measured')
  if (measured && estimated) return 'measured and estimated'
  return measured ? 'measured' : 'estimated'
}
