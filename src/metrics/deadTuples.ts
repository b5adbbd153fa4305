import type { Table } from '../catalog/tables.ts'

/** Per cent of the rows that are dead, weighted by the size of their tables; null where there are no rows. */
export function deadPercent({
  deadBytes,
  liveBytes,
}: {
  deadBytes: number
  liveBytes: number
}): number | null {
  const all = deadBytes + liveBytes
  return all === 0 ? null : Number(((100 * deadBytes) / all).toFixed(1))
}

/** A row's share of its heap: large tables weigh more than small ones. */
export function rowBytes({ heapBytes, liveRows, deadRows }: Table): number {
  return heapBytes / Math.max(1, liveRows + deadRows)
}
