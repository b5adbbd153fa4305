import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { hasDebianExtension } from '../../src/bench/partition/debianExtension.ts'
import { loadConfig } from '../../src/config.ts'
import { installedVersions } from '../../src/servers/installation.ts'
import { findProgram } from '../../src/servers/programs.ts'

/** Programs that npm does not bring, under the names that Debian gives them; one line for each that a test uses. */
const programs = {
  pgbouncer: ['pgbouncer'],
  'redis-server': ['redis-server'],
  chromium: ['chromium'],
  prometheus: ['prometheus'],
  promtool: ['promtool'],
  'systemd-analyze': ['systemd-analyze'],
} as const

type Program = keyof typeof programs

/** Extensions of PostgreSQL 15 that Debian has, which tests put into the one that npm brings. */
const extensions = ['pg_cron', 'pg_partman', 'pg_repack'] as const

/** Where Next.js is, whose example a test builds. */
export const nextDirectory = fileURLToPath(new URL('../../.engines/next/', import.meta.url))

/** Where the migration tools are that run what `export` writes. */
export const toolsDirectory = fileURLToPath(new URL('../../.engines/tools/', import.meta.url))

/** What tests need beyond `npm ci`; scripts/install-test-engines.sh brings all of it. */
export const engines = [
  ...(Object.keys(programs) as Program[]),
  ...extensions,
  ...(['postgres13', 'postgres14', 'postgres15', 'postgres16', 'postgres17'] as const),
  ...(['next', 'migrationTools'] as const),
]

export type Engine = (typeof engines)[number]

/**
 * Whether tests that need the engine are to be skipped; the end of the run says which engines were missing.
 * With `REQUIRE_ENGINES=1` a missing one is an error.
 *
 * ```ts
 * describe.skipIf(engineIsMissing('pgbouncer'))('behind PgBouncer', () => ...)
 * ```
 */
export function engineIsMissing(engine: Engine): boolean {
  if (isInstalled(engine)) return false
  if (loadConfig().requireEngines) {
    throw new Error(`${engine} is not installed, and REQUIRE_ENGINES=1: run scripts/install-test-engines.sh`)
  }
  return true
}

/** Looks without complaining. */
export function isInstalled(engine: Engine): boolean {
  if (engine === 'next') return existsSync(`${nextDirectory}node_modules/next/package.json`)
  if (engine === 'migrationTools') return existsSync(`${toolsDirectory}installed`)
  const version = /^postgres(\d+)$/.exec(engine)?.[1]
  if (version) return installedVersions().includes(Number(version))
  if ((extensions as readonly string[]).includes(engine)) {
    return installedVersions().includes(15) && hasDebianExtension(engine)
  }
  return findEngine(engine as Program) !== undefined
}

/** Where the program is; a test that is not skipped finds it. */
export function programPath(engine: Program): string {
  const path = findEngine(engine)
  if (path) return path
  throw new Error(`${engine} is not installed: run scripts/install-test-engines.sh`)
}

function findEngine(engine: Program): string | undefined {
  const { path } = loadConfig()
  return programs[engine].map((name) => findProgram(name, path)).find((found) => found !== undefined)
}
