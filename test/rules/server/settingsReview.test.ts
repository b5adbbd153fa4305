import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settingsReview } from '../../../src/rules/server/settingsReview.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { subjectsOf } from '../look.ts'

describe('settings_review', () => {
  let database: TestDatabase
  let superuser: Client

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
  })
  afterAll(() => database.drop())

  it('finds settings that make the server unsafe or slow', async () => {
    await superuser.query(
      `SET random_page_cost = 4; SET effective_cache_size = '1MB'; SET default_statistics_target = 10`,
    )
    // The server of the tests is a throw-away one.
    expect(await subjectsOf(superuser, settingsReview)).toEqual(
      expect.arrayContaining([
        'default_statistics_target',
        'effective_cache_size',
        'fsync',
        'full_page_writes',
        'random_page_cost',
      ]),
    )
  })

  it('finds nothing wrong with those that are in order', async () => {
    await superuser.query(
      `SET random_page_cost = 1.1; SET effective_cache_size = '4GB'; SET default_statistics_target = 100; SET track_io_timing = on`,
    )
    expect(await subjectsOf(superuser, settingsReview)).toEqual(['fsync', 'full_page_writes'])
  })

  it('finds a kind of plan that is disabled for the database, but not for this session', async () => {
    await superuser.query(`SET enable_hashjoin = off`)
    expect(await subjectsOf(superuser, settingsReview)).not.toContain('enable_hashjoin')
    await superuser.query(`ALTER DATABASE ${database.name} SET enable_seqscan = off`)
    const later = await database.connect()
    expect(await subjectsOf(later, settingsReview)).toContain('enable_seqscan')
  })
})
