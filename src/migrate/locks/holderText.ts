import { escapeLiteral } from 'pg'
import { displayIdentifier } from '../../postgres/identifiers.ts'
import { shortForm } from '../../syntax/normalisedText.ts'
import type { Holder } from './holders.ts'

/**
 * Who is in the way, for people. Its statement is cut short, and its literals are left out: they may be secret.
 *
 * `server process 4711 (psql): its transaction has been open for 35 s, idle in transaction, AccessShareLock on public.t; last statement: SELECT * FROM t WHERE id = ?`
 */
export function holderText(holder: Holder): string {
  const { state, statement, isGranted, mode, schema, relation } = holder
  const lock = `${isGranted ? '' : 'waits for '}${mode} on ${displayIdentifier(schema)}.${displayIdentifier(relation)}`
  const parts = [...openFor(holder), ...(state === null ? [] : [state]), lock]
  const said = statement
    ? `; ${state === 'active' ? 'statement' : 'last statement'}: ${shortForm(statement, 80)}`
    : ''
  return `${whoIs(holder)}: ${parts.join(', ')}${said}`
}

function openFor({ openMs, seenMs = 0 }: Holder): string[] {
  if (openMs !== null) return [`its transaction has been open for ${spokenAge(openMs)}`]
  return seenMs > 0 ? [`its transaction has been open for at least ${spokenAge(seenMs)}`] : []
}

function whoIs({ pid, preparedAs, application, isAutovacuum, statement }: Holder): string {
  if (pid === null)
    return `prepared transaction ${preparedAs === null ? '(unknown)' : escapeLiteral(preparedAs)}`
  if (isAutovacuum) {
    const why = statement?.includes('(to prevent wraparound)') ? ' to prevent wraparound' : ''
    return `autovacuum${why} (server process ${pid})`
  }
  return `server process ${pid}${application === null ? '' : ` (${application})`}`
}

/** What its owner can do to end it. */
export function howToEnd({ pid, preparedAs, isAutovacuum }: Holder): string {
  if (pid === null) {
    const name = preparedAs === null ? '...' : escapeLiteral(preparedAs)
    return `COMMIT PREPARED ${name} or ROLLBACK PREPARED ${name}`
  }
  return isAutovacuum ? 'let it finish' : `SELECT pg_terminate_backend(${pid})`
}

function spokenAge(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return `${Math.round(ms / 3_600_000)} h`
}
