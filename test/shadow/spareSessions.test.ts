import type { ClientBase } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SpareSessions } from '../../src/shadow/spareSessions.ts'
import { spareSessions } from '../../src/shadow/spareSessions.ts'
import { createDatabase } from '../support/database.ts'
import type { TestDatabase } from '../support/database.ts'

describe('spare sessions', () => {
  let database: TestDatabase
  let spare: SpareSessions
  let opened: number

  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.drop())
  beforeEach(() => {
    opened = 0
    spare = spareSessions(() => {
      opened += 1
      return database.connect()
    })
    return () => spare.close()
  })

  const lend = (count: number) => spare.use(count, (sessions) => Promise.all(sessions.map(pidOf)))

  it('are opened when they are needed and lent out again', async () => {
    expect(opened).toBe(0)
    const first = await lend(2)
    expect(await lend(2)).toEqual(first)
    expect(opened).toBe(2)
  })

  it('are never lent to two borrowers at a time', async () => {
    const [one, other] = await Promise.all([lend(2), lend(2)])
    expect(new Set([...one, ...other]).size).toBe(4)
  })

  it('are not lent again after a failure, which may have left a transaction open', async () => {
    const first = await lend(1)
    const failing = spare.use(1, async ([session]) => {
      await session?.query('BEGIN')
      await session?.query('SELECT 1 / 0')
    })
    await expect(failing).rejects.toThrow('division by zero')
    expect(await lend(1)).not.toEqual(first)
  })
})

async function pidOf(session: ClientBase): Promise<number | undefined> {
  const { rows } = await session.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid')
  return rows[0]?.pid
}
