import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ClientBase } from 'pg'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'

/** Where Debian puts them. */
const library = '/usr/lib/postgresql/15/lib'
const extensions = '/usr/share/postgresql/15/extension'
/** Its SQL is its authors' and no part of this project: whoever wants to compare puts it there. */
const ownCopy = fileURLToPath(new URL('../../../.engines/index_advisor.sql', import.meta.url))

/** The SQL of Supabase's index_advisor and of HypoPG, which it needs, as they are installed here. */
export interface IndexAdvisor {
  advisor: string
  hypopg: string
}

/** Looks for both; a sentence where one is missing. */
export function findIndexAdvisor(named: string | undefined): IndexAdvisor | string {
  const hypopg = newestScript('hypopg')
  if (hypopg === undefined) {
    return 'HypoPG for PostgreSQL 15 is not installed; scripts/install-test-engines.sh brings it'
  }
  const advisor =
    [named, ownCopy].find((path) => path !== undefined && existsSync(path)) ?? newestScript('index_advisor')
  if (advisor === undefined) {
    return 'the SQL of index_advisor is not here: name it in INDEX_ADVISOR_SQL, or put it into .engines/index_advisor.sql'
  }
  return { advisor: readFileSync(advisor, 'utf8'), hypopg: readFileSync(hypopg, 'utf8') }
}

/** The script that creates an extension, and not one that updates it. */
function newestScript(extension: string): string | undefined {
  if (!existsSync(extensions)) return undefined
  const name = readdirSync(extensions)
    .filter((file) => new RegExp(`^${extension}--[\\d.]+\\.sql$`).test(file))
    .sort()
    .at(-1)
  return name === undefined ? undefined : join(extensions, name)
}

/** An index that it wants, with what the statements cost less by its own account, times how often they are sent. */
export interface Wanted {
  sql: string
  gain: number
}

/**
 * Asks it about each statement. The server is not Debian's, so HypoPG's library is named with its folder. Everything is
 * rolled back.
 */
export async function askIndexAdvisor(
  client: ClientBase,
  { advisor, hypopg }: IndexAdvisor,
  workload: readonly WorkloadStatement[],
): Promise<Wanted[]> {
  await client.query('BEGIN')
  try {
    await client.query('CREATE SCHEMA index_advice; SET LOCAL search_path = index_advice, public')
    await client.query(hypopg.replaceAll('$libdir/', `${library}/`).replaceAll(/^\\.*$/gm, ''))
    await client.query(
      `INSERT INTO pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
       SELECT 4000000000, 'hypopg', oid, 'index_advice'::regnamespace, true, '1' FROM pg_catalog.pg_roles
       WHERE rolname = current_user`,
    )
    await client.query(advisor)
    const gains = new Map<string, number>()
    for (const { sql, calls } of workload) {
      const { rows } = await client.query<{
        before: number | null
        after: number | null
        statements: string[]
      }>(
        `SELECT total_cost_before::text::float8 AS before, total_cost_after::text::float8 AS after,
           index_statements AS statements FROM index_advisor($1)`,
        [sql],
      )
      for (const { before, after, statements } of rows) {
        for (const statement of statements) {
          const gain = (calls * ((before ?? 0) - (after ?? 0))) / statements.length
          gains.set(statement, (gains.get(statement) ?? 0) + gain)
        }
      }
    }
    return Array.from(gains, ([sql, gain]) => ({ sql, gain })).sort((a, b) => b.gain - a.gain)
  } finally {
    await client.query('ROLLBACK')
  }
}
