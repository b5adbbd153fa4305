import { randomBytes } from 'node:crypto'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { startGuardian } from './guardian.ts'
import type { Programs } from './runProgram.ts'
import { runProgram } from './runProgram.ts'
import { serverAccount } from './serverAccount.ts'
import { giveAll, makeServerDirectory, writeForServer } from './serverDirectory.ts'

/** Of the superuser `postgres` of every server that this process starts. */
export const password = randomBytes(24).toString('base64url')

/** What initdb makes, by major version, in a directory that is removed when the process ends. */
let kept: { directory: string; clusters: Map<number, Promise<string>> } | undefined

/**
 * From now on this process runs initdb once for each version, and its servers start from copies: that takes a fifth of
 * the work, but 40 MB of disk for each version until the process ends.
 */
export function keepInitialised(): void {
  if (kept) return
  const account = serverAccount()
  const directory = makeServerDirectory(account)
  startGuardian(directory, [], account)
  kept = { directory, clusters: new Map() }
}

/** Makes the directory `data` with an empty cluster: UTF-8, locale C, a password wanted from everybody. */
export async function initialise(data: string, version: number, programs: Programs): Promise<void> {
  if (!kept) return runInitdb(data, version, programs)
  const { directory, clusters } = kept
  const original = clusters.get(version) ?? keep(join(directory, `${version}`))
  clusters.set(version, original)
  cpSync(await original, data, { recursive: true })
  giveAll(programs.account, data)

  async function keep(place: string): Promise<string> {
    await runInitdb(place, version, programs)
    return place
  }
}

async function runInitdb(data: string, version: number, programs: Programs): Promise<void> {
  const passwordFile = `${data}.password`
  writeForServer(programs.account, passwordFile, password)
  await runProgram(programs, 'initdb', [
    ...['--pgdata', data, '--username', 'postgres', '--pwfile', passwordFile],
    ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
    // On by default since 18; a throw-away server does not need them.
    ...(version >= 18 ? ['--no-data-checksums'] : []),
  ])
}
