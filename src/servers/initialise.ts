import { randomBytes } from 'node:crypto'
import { cpSync } from 'node:fs'
import { madeOnce } from './keepForReuse.ts'
import type { Programs } from './runProgram.ts'
import { runProgram } from './runProgram.ts'
import { giveAll, writeForServer } from './serverDirectory.ts'

/** Of the superuser `postgres` of every server that this process starts. */
export const password = randomBytes(24).toString('base64url')

/** Makes the directory `data` with an empty cluster: UTF-8, locale C, a password wanted from everybody. */
export async function initialise(data: string, version: number, programs: Programs): Promise<void> {
  const original = await madeOnce(`data ${version}`, data, async (place) => {
    await runInitdb(place, version, programs)
    return place
  })
  if (original === data) return
  cpSync(original, data, { recursive: true })
  giveAll(programs.account, data)
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
