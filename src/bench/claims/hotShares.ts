import { connect } from '../../postgres/connect.ts'
import { qualified } from '../../postgres/identifiers.ts'
import type { CasaoraDatabase } from '../casaora/database.ts'
import { writeMix } from './writeMix.ts'

const updatesOfEach = 400

/**
 * The share of updates that are HOT, by table: updates by key as the application sends them, after VACUUM has made room,
 * in one transaction that is rolled back.
 */
export async function readHotShares(database: CasaoraDatabase): Promise<Map<string, number>> {
  const updates = writeMix.filter(({ sql }) => sql.startsWith('UPDATE'))
  const client = await connect(database.superuserUrl)
  try {
    for (const { table } of updates)
      await client.query(`VACUUM ${qualified({ schema: 'public', name: table })}`)
    const shares = new Map<string, number>()
    for (const { table, sql, args } of updates) {
      const { rows } = await client.query<unknown[]>({ text: args, rowMode: 'array' })
      await client.query('BEGIN')
      for (const values of rows.slice(0, updatesOfEach)) await client.query({ text: sql, values })
      const counted = await client.query<{ hot: string; all: string }>(
        `SELECT n_tup_hot_upd AS hot, n_tup_upd AS "all" FROM pg_catalog.pg_stat_xact_user_tables
         WHERE schemaname = 'public' AND relname = $1`,
        [table],
      )
      await client.query('ROLLBACK')
      const [counts] = counted.rows
      if (counts) shares.set(table, Number(counts.hot) / Number(counts.all))
    }
    return shares
  } finally {
    await client.end()
  }
}
