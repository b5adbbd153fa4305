import { readdir } from 'node:fs/promises'

/** `Rewrite "Dïngs" policies` -> `rewrite-dings-policies`: what a migration's file may be called. */
export function slugOf(title: string): string {
  const slug = title
    // Letters keep their base: `ï` -> `i`.
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  return slug.slice(0, 100).replace(/-+$/, '') || 'migration'
}

/** Names of the files in a directory of migrations; none where there is no such directory yet. */
export async function listMigrationFiles(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name)
  } catch {
    return []
  }
}

/**
 * Ascending 17-digit numbers, `YYYYMMDDhhmmssSSS` in UTC: now, or just after the last file if that is in the future.
 */
export function* migrationNumbers(existing: string[], now: Date): Generator<string> {
  const taken = existing.map((name) => timeOf(name.slice(0, 17)))
  let at = Math.max(now.getTime(), ...taken.filter((time) => !Number.isNaN(time)).map((time) => time + 1))
  for (;;) yield new Date(at++).toISOString().replaceAll(/\D/g, '')
}

function timeOf(number: string): number {
  const [, date, hours, minutes, seconds, ms] =
    /^(\d{8})(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(number)?.map((part) => part) ?? []
  if (!date) return Number.NaN
  const day = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`
  return Date.parse(`${day}T${hours}:${minutes}:${seconds}.${ms}Z`)
}
