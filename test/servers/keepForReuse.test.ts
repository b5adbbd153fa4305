import { expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import { keepForReuse } from '../../src/servers/keepForReuse.ts'
import type { Server } from '../../src/servers/server.ts'

async function run<T>(server: Server, sql: string): Promise<T[]> {
  const client = await connect(server.url())
  return client
    .query(sql)
    .then(({ rows }) => rows as T[])
    .finally(() => client.end())
}

const tables = `SELECT FROM pg_class WHERE relname = 'used'`

test('where servers share what they are made of, none has what another one did, or ends with it', async () => {
  keepForReuse()
  const options = { trustedExtensions: ['pg_stat_statements'] }
  const first = await startEmbedded(options)
  try {
    await run(first, 'CREATE TABLE used (); CHECKPOINT')
    const second = await startEmbedded(options)
    try {
      expect(await run(second, tables)).toEqual([])
      await first.stop()
      await run(second, 'CREATE EXTENSION pg_stat_statements')
      expect(await run(second, tables)).toEqual([])
    } finally {
      await second.stop()
    }
  } finally {
    await first.stop()
  }
})
