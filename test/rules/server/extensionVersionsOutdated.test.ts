import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { extensionVersionsOutdated } from '../../../src/rules/server/extensionVersionsOutdated.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, subjectsOf } from '../look.ts'

describe('extension_versions_outdated', () => {
  let database: TestDatabase
  let superuser: Client

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
  })
  afterAll(() => database.drop())

  it('finds an extension that was not updated, and gives the step that updates it', async () => {
    await superuser.query(`CREATE EXTENSION citext; CREATE EXTENSION pg_trgm VERSION '1.3'`)
    const { remedy } = await findingAbout(superuser, extensionVersionsOutdated, 'pg_trgm')
    expect(await subjectsOf(superuser, extensionVersionsOutdated)).toEqual(['pg_trgm'])
    const steps = remedy.kind === 'runbook' ? remedy.steps : []
    await superuser.query(steps.find((step) => step.startsWith('ALTER')) ?? '')
    expect(await subjectsOf(superuser, extensionVersionsOutdated)).toEqual([])
  })
})
