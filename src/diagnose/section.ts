import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { errorCode, isConnectionLost } from '../db/sqlState.ts'
import { NotSeen } from '../introspect/notSeen.ts'
import type { ServerFacts } from '../introspect/server.ts'
import type { RuleContext } from '../rules/rule.ts'
import { CannotSee } from '../rules/rule.ts'
import type { Block } from './block.ts'
import type { Metric, ReportStatement } from './report.ts'

/** What a section is given: what a rule is given, and who we are talking to. */
export interface SectionContext extends RuleContext {
  server: ServerFacts
  /** Whether objects of the schema are wanted in the report. */
  wants(schema: string): boolean
  /** Execute the worst statements, inside a transaction that is rolled back. */
  analyze?: boolean
}

/** What a section found. */
export interface SectionResult {
  blocks: Block[]
  metrics?: Metric[]
  counters?: Record<string, number>
  statements?: { countedSince: string | null; list: ReportStatement[] }
}

/** One chapter of the report. */
export interface Section {
  id: string
  title: string
  look(context: SectionContext): Promise<SectionResult>
}

/** How a look ended. */
export type Outcome<T> =
  { status: 'ok'; value: T } | { status: 'skipped' | 'failed'; reason: string; error: unknown }

/**
 * Looks under a savepoint of the snapshot, so that a lock, a slow catalog, a dropped table or a missing privilege
 * ends this look and not the run.
 *
 * @throws only where the session is gone.
 */
export async function attempt<T>(db: Database, look: () => Promise<T>): Promise<Outcome<T>> {
  await sql`SAVEPOINT hundredfold_section`.execute(db)
  let outcome: Outcome<T>
  try {
    outcome = { status: 'ok', value: await look() }
  } catch (error) {
    if (isConnectionLost(error)) throw error
    outcome = explain(error)
  }
  await sql`ROLLBACK TO SAVEPOINT hundredfold_section`.execute(db)
  await sql`RELEASE SAVEPOINT hundredfold_section`.execute(db)
  return outcome
}

function explain(error: unknown): Outcome<never> {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof NotSeen || error instanceof CannotSee)
    return { status: 'skipped', reason: message, error }
  switch (errorCode(error)) {
    case '42501':
      return { status: 'skipped', reason: `the role may not see it: ${message}`, error }
    case '55P03':
      return { status: 'failed', reason: 'somebody holds a lock on what was to be read', error }
    case '57014':
      return { status: 'failed', reason: 'it took longer than the statement timeout', error }
    case '42P01':
    case '42704':
    case 'XX000':
      return { status: 'failed', reason: `an object was dropped while it was looked at: ${message}`, error }
    default:
      return { status: 'failed', reason: message, error }
  }
}
