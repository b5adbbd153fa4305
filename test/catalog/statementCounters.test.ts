import { describe, expect, test } from 'vitest'
import {
  findCountersSource,
  listCountedTexts,
  readCounters,
  toReading,
} from '../../src/catalog/statementCounters.ts'
import { connect } from '../../src/postgres/connect.ts'
import { borrow } from '../../src/postgres/database.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import { installedVersions } from '../../src/servers/installation.ts'

const versions = installedVersions().filter((version) => version >= 14)

describe.each(versions)('PostgreSQL %i', (version) => {
  test('counters of this database and each user are read without their texts', async () => {
    const server = await startEmbedded({ version })
    try {
      const client = await connect(server.url())
      const db = borrow(client)
      await expect(findCountersSource(db)).rejects.toThrow('is not installed in this database')
      await client.query('CREATE SCHEMA extensions; CREATE EXTENSION pg_stat_statements SCHEMA extensions')
      await client.query('CREATE ROLE other; CREATE TABLE notes (id int); GRANT SELECT ON notes TO other')
      for (let turn = 0; turn < 3; turn += 1) await client.query('SELECT id FROM notes WHERE id = 1')
      await client.query('SET ROLE other; SELECT id FROM notes WHERE id = 2; RESET ROLE')

      const source = await findCountersSource(db)
      expect(source).toEqual({ schema: 'extensions', hasSince: version >= 17 })
      const reading = toReading(await readCounters(db, source))
      expect(reading).toMatchObject({ evictions: 0, isComplete: true, hidden: 0 })
      const counted = (await listCountedTexts(db, source)).filter(({ text }) => text.includes('FROM notes'))
      const calls = counted.map(({ role, key }) => [role, reading.statements.get(key)?.calls])
      expect(Object.fromEntries(calls)).toEqual({ postgres: 3, other: 1 })

      // Who may not read the statistics of others learns how many there are.
      await client.query('GRANT USAGE ON SCHEMA extensions TO other; SET ROLE other')
      const seen = toReading(await readCounters(db, source))
      expect(seen.hidden).toBeGreaterThan(0)
      expect(seen.statements.size).toBeLessThan(reading.statements.size)
      await client.end()
    } finally {
      await server.stop()
    }
  })
})
