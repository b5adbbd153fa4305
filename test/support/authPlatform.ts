import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { casaoraOwner } from '../../src/bench/casaora/load.ts'

/** Makes what a hosted platform brings, run by a superuser: the schema `auth`, whose functions say who asks. */
export async function createAuthPlatform(superuser: Client): Promise<void> {
  await superuser.query(`SET shapes.owner = '${casaoraOwner}'`)
  await superuser.query(await readFile(new URL('../policies/shapes/platform.sql', import.meta.url), 'utf8'))
}
