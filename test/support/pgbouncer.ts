import type { PgBouncer, PgBouncerOptions as AllOptions } from '../../src/servers/pgbouncer.ts'
import { startPgBouncer as start } from '../../src/servers/pgbouncer.ts'
import { programPath } from './engines.ts'

export type { PgBouncer } from '../../src/servers/pgbouncer.ts'
export type PgBouncerOptions = Omit<AllOptions, 'program'>

/**
 * Starts PgBouncer in front of a server. Tests that use it are skipped where it is not installed:
 *
 * ```ts
 * describe.skipIf(engineIsMissing('pgbouncer'))('behind PgBouncer', () => {
 *   const pool = await startPgBouncer({ mode: 'transaction', logins: [database.ownerUrl] })
 *   await database.connect(pool.url(database.ownerUrl))
 * ```
 */
export function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  return start({ ...options, program: programPath('pgbouncer') })
}
