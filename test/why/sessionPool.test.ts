import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { callCommand } from '../support/commandLine.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { PgBouncer } from '../support/pgbouncer.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'

interface Document {
  symptom: string
  here: string[]
  commands: string[]
}

describe.skipIf(engineIsMissing('pgbouncer'))('behind PgBouncer in session mode with two connections', () => {
  let database: TestDatabase
  let pool: PgBouncer
  let environment: Record<string, string>
  const clients: Client[] = []

  beforeAll(async () => {
    database = await createDatabase()
    environment = { DIRECT_URL: database.ownerUrl }
    pool = await startPgBouncer({
      mode: 'session',
      logins: [database.ownerUrl],
      settings: { default_pool_size: '2', query_wait_timeout: '1', max_client_conn: '3' },
    })
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)))
    await pool.stop()
    await database.drop()
  })

  /** A client that asks once and then stays. The error is what it is told where it gets no connection. */
  const visit = async (): Promise<string | undefined> => {
    try {
      const client = await database.connect(pool.url(database.ownerUrl))
      clients.push(client)
      await client.query('SELECT 1')
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }
  const why = async (text: string): Promise<Document> => {
    const { out, exitCode } = await callCommand(['why', text, '--json', '-'], { environment })
    expect(exitCode).toBe(0)
    return JSON.parse(out) as Document
  }

  test('the errors that clients get are recognised, and the command that is named lets the next ones in', async () => {
    expect([await visit(), await visit()]).toEqual([undefined, undefined])
    const waited = (await visit()) ?? ''
    // One that waits and two that idle are as many as the pool takes in at all.
    const [, refused = ''] = await Promise.all([visit(), sleep(200).then(visit)])

    expect(await why(refused)).toMatchObject({ symptom: 'session_pool_full' })
    await sleep(10_000)
    const { symptom, here, commands } = await why(waited)
    expect(symptom).toBe('pool_wait_timeout')
    expect(here.join(' ')).toContain('In session mode each client keeps one of its connections')
    const [command = ''] = commands
    expect(command).toBe('npx hundredfold connections --terminate-idle 10s')
    expect((await why(refused)).commands).toContain(command)

    const { exitCode, out } = await callCommand([...command.split(' ').slice(2), '--yes'], { environment })
    expect(exitCode).toBe(0)
    expect(out.match(/^ended/gm)).toHaveLength(2)
    expect([await visit(), await visit()]).toEqual([undefined, undefined])
  })
})
