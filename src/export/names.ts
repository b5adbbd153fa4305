import { readdir } from 'node:fs/promises'
import { UsageError } from '../errors.ts'
import { errorCode } from '../postgres/sqlState.ts'

/** Names in a directory, sorted; none where it is not there yet. */
export async function listNames(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.startsWith('.')).sort()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw new UsageError(
      `Cannot read ${directory}: ${error instanceof Error ? error.message.split(', ')[0] : String(error)}.`,
      'Name a directory that you may read with --out.',
      { cause: error },
    )
  }
}

/**
 * Ascending 14-digit numbers, `YYYYMMDDhhmmss` in UTC: now, or the second after the last of the existing names.
 * `existing` are names that begin with such a number; others are left out.
 */
export function* timestamps(existing: string[], now: Date): Generator<string> {
  const taken = existing.map(timeOf).filter((time) => !Number.isNaN(time))
  let at = Math.max(now.getTime(), ...taken.map((time) => time + 1_000))
  for (;;) {
    yield new Date(at).toISOString().replaceAll(/\D/g, '').slice(0, 14)
    at += 1_000
  }
}

function timeOf(name: string): number {
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\d{3})?(?!\d)/.exec(name)
  if (!found) return Number.NaN
  const [, year, month, day, hours, minutes, seconds] = found
  return Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`)
}

/**
 * The name, if it sorts after all that are there: the tool runs files in this order.
 *
 * @throws UsageError that names the file which would come after it
 */
export function afterAll(name: string, existing: string[]): string {
  const later = existing.find((other) => other >= name)
  if (later === undefined) return name
  throw new UsageError(
    `${name} would not be the last migration: ${later} sorts after it.`,
    'Rename that file, or move it out of the directory; the tool runs files in the order of their names.',
  )
}
