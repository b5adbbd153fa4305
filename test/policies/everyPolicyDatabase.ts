import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect } from '../../src/postgres/connect.ts'
import { quote } from '../../src/postgres/identifiers.ts'

/** Owns everything in it but one table; no superuser, and subject to forced row-level security. */
const owner = 'every_policy_owner'

/** A database with test/policies/everyPolicy.sql in it. */
export interface EveryPolicyDatabase {
  superuserUrl: string
  ownerUrl: string
  drop(): Promise<void>
}

/** Makes the database on a server of which the URL is a superuser's. */
export async function createEveryPolicy(serverUrl: string): Promise<EveryPolicyDatabase> {
  const name = `every_policy_${randomBytes(4).toString('hex')}`
  const password = randomBytes(16).toString('hex')
  await run(serverUrl, [`CREATE DATABASE ${quote(name)} TEMPLATE template0`])
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  const [, platform = '', ...steps] = (
    await readFile(new URL('everyPolicy.sql', import.meta.url), 'utf8')
  ).split(/^-- step: .+$/m)
  const settings = `SET every_policy.owner = '${owner}'; SET every_policy.password = '${password}';`
  const asOwner = `SET SESSION AUTHORIZATION ${quote(owner)}; SET client_min_messages = warning;`
  await run(url.href, [settings + platform, asOwner, ...steps])
  const ownerUrl = new URL(url)
  ownerUrl.username = owner
  ownerUrl.password = password
  return {
    superuserUrl: url.href,
    ownerUrl: ownerUrl.href,
    drop: () => run(serverUrl, [`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`]),
  }
}

async function run(url: string, statements: string[]): Promise<void> {
  const client = await connect(url, { applicationName: 'test support' })
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
