import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectionSaturation } from '../../../src/rules/server/connectionSaturation.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, subjectsOf } from '../look.ts'

describe('connection_saturation', () => {
  let database: TestDatabase
  let superuser: Client

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
  })
  afterAll(() => database.drop())

  it('finds a database whose connections are nearly all taken', async () => {
    await superuser.query(`ALTER DATABASE ${database.name} CONNECTION LIMIT 10`)
    for (let count = 0; count < 3; count += 1) await database.connect(database.ownerUrl)
    expect(await subjectsOf(superuser, connectionSaturation)).toEqual([])
    for (let count = 0; count < 5; count += 1) await database.connect(database.ownerUrl)
    const { level, detail } = await findingAbout(superuser, connectionSaturation, database.name)
    expect(level).toBe('warn')
    expect(detail).toMatch(/^9 of 10 connections/)
  })
})
