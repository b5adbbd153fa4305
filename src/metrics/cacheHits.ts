import { readBlockSize } from '../catalog/bloat.ts'
import type { Table } from '../catalog/tables.ts'
import { listTablesBySize } from '../catalog/tables.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import { wantedSchemas } from '../catalog/scope.ts'
import { targets } from './targets.ts'

/** 800 MB: less than that says nothing of the workload. */
const enoughBlocks = 100_000

/** How often a block of a table, its indexes or its TOAST was found in shared_buffers. */
export interface CacheHits {
  blocksHit: number
  blocksRead: number
  blockSize: number
  /** Per cent; null where nothing was asked for. */
  percent: number | null
  /** Undefined where too little was asked for to judge. */
  met: boolean | undefined
  /** Why it is judged so. */
  note: string
  /** Tables whose blocks were read from outside it, most first. */
  mostRead: Table[]
}

/** The hit ratio of the schemas that are looked at, judged. */
export async function readCacheHits(context: Snapshot): Promise<CacheHits> {
  const wanted = await wantedSchemas(context)
  const tables = (await context.read(listTablesBySize)).filter(({ schema }) => wanted(schema))
  const blockSize = await context.read(readBlockSize)
  const sum = (of: (table: Table) => number) => tables.reduce((all, table) => all + of(table), 0)
  const counts = { blocksHit: sum((table) => table.blocksHit), blocksRead: sum((table) => table.blocksRead) }
  const storedBlocks = sum(({ totalBytes }) => totalBytes) / blockSize
  return {
    ...counts,
    blockSize,
    ...judgeCacheHits({ ...counts, storedBlocks }),
    mostRead: tables
      .filter(({ blocksRead }) => blocksRead > 0)
      .sort((one, other) => other.blocksRead - one.blocksRead),
  }
}

/** Whether the ratio is good enough, and whether it says anything. */
export function judgeCacheHits(counts: {
  blocksHit: number
  blocksRead: number
  storedBlocks: number
}): Pick<CacheHits, 'percent' | 'met' | 'note'> {
  const { blocksHit, blocksRead, storedBlocks } = counts
  const asked = blocksHit + blocksRead
  const percent = hitPercent(counts)
  if (percent === null || asked < enoughBlocks) {
    return { percent, met: undefined, note: 'too little was read since the reset to judge' }
  }
  if (percent < targets.cache_hit_ratio && blocksRead <= storedBlocks) {
    const note = 'no more was read than is stored: every block was fetched about once'
    return { percent, met: true, note }
  }
  return {
    percent,
    met: percent >= targets.cache_hit_ratio,
    note: 'a cold start and large reads lower it; an index that saves reads raises it more than memory does',
  }
}

/** Per cent of the blocks that were found in shared_buffers; null where nothing was asked for. */
export function hitPercent({
  blocksHit,
  blocksRead,
}: {
  blocksHit: number
  blocksRead: number
}): number | null {
  const asked = blocksHit + blocksRead
  return asked === 0 ? null : Number(((100 * blocksHit) / asked).toFixed(2))
}
