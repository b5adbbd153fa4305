import { join, normalize } from 'node:path'
import type { Direction, ExportedMigration } from './exported.ts'
import type { ExportFile } from './format.ts'
import { header } from './header.ts'
import { psqlScript } from './statements.ts'

/**
 * The folder for what the tool itself must not read: conditions, and the way back where the tool knows none. It lies beside
 * the tool's own directory: `supabase/migrations` -> `supabase/hundredfold`.
 */
export function sideDirectory(out: string): string {
  return normalize(out) === '.' ? 'hundredfold' : join(out, '..', 'hundredfold')
}

/** The way back as a script for psql, for a tool that knows none. */
export function downScript(
  directory: string,
  name: string,
  migration: ExportedMigration,
  forget: string,
): ExportFile {
  return {
    path: join(directory, `${name}.down.sql`),
    text: `${header(migration)}-- The way back, for psql: psql -v ON_ERROR_STOP=1 -f ${name}.down.sql\n-- ${forget}\n\n${wayBack(migration.down)}`,
  }
}

function wayBack(down: Direction): string {
  return psqlScript(down) || '-- There is nothing to take back.\n'
}
