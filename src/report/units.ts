/** Milliseconds for people: `0.04 ms`, `12 ms`, `3.4 s`, `2 min 5 s`, `13 h 20 min`. */
export function duration(ms: number): string {
  if (ms < 1) return `${Number(ms.toPrecision(2))} ms`
  if (ms < 10) return `${ms.toFixed(1).replace(/\.0$/, '')} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = ms / 1_000
  if (seconds < 60) return `${seconds.toFixed(1).replace(/\.0$/, '')} s`
  const whole = Math.round(seconds)
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3_600).toLocaleString('en-US')} h ${Math.floor((whole % 3_600) / 60)} min`
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

/** A figure with its unit: durations and sizes as people read them, `12,000 blocks`, `41 %`. */
export function amount(value: number, unit: string): string {
  if (unit === 'ms') return duration(value)
  if (unit === 'bytes') return bytes(value)
  return `${Number(value.toPrecision(3)).toLocaleString('en-US')} ${unit}`
}
