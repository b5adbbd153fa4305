/** Milliseconds for people: `0.04 ms`, `12 ms`, `3.4 s`, `2 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 1) return `${Number(ms.toPrecision(2))} ms`
  if (ms < 10) return `${ms.toFixed(1).replace(/\.0$/, '')} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = ms / 1_000
  if (seconds < 60) return `${seconds.toFixed(1).replace(/\.0$/, '')} s`
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}

/** Bytes for people: `512 B`, `8 kB`, `1.4 MB`; 1 kB is 1,024 bytes, as PostgreSQL counts. */
export function bytes(count: number): string {
  let value = count
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (Math.abs(value) < 1_024) return `${Number(value.toFixed(value < 10 && unit !== 'B' ? 1 : 0))} ${unit}`
    value /= 1_024
  }
  return `${value.toFixed(1)} TB`
}

/** How many times faster: `5,213x`, `20x`, `1.4x`. */
export function ratio(value: number): string {
  if (!Number.isFinite(value)) return '-'
  return value >= 10
    ? `${Math.round(value).toLocaleString('en-US')}x`
    : `${value.toFixed(value >= 2 ? 1 : 2)}x`
}
