import { describe, expect, it } from 'vitest'
import { updatesIn } from '../../src/syntax/updatedColumns.ts'

describe('updatesIn', () => {
  it('names the columns of an UPDATE, with parameters as pg_stat_statements writes them', async () => {
    expect(await updatesIn(`UPDATE "My".t SET a = $1, "B c" = b + $2 WHERE id = $3`)).toEqual([
      { table: { schema: 'My', name: 't' }, columns: ['a', 'B c'] },
    ])
  })

  it('finds updates in WITH and in ON CONFLICT', async () => {
    const text = `
      WITH done AS (UPDATE one SET (a, b) = (SELECT 1, 2) RETURNING id)
      INSERT INTO two SELECT id FROM done ON CONFLICT (id) DO UPDATE SET seen = now()`
    expect(await updatesIn(text)).toEqual(
      expect.arrayContaining([
        { table: { name: 'one' }, columns: ['a', 'b'] },
        { table: { name: 'two' }, columns: ['seen'] },
      ]),
    )
  })

  it('finds nothing in statements that only lock or insert', async () => {
    expect(
      await updatesIn(`SELECT FROM t FOR UPDATE; INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING`),
    ).toEqual([])
  })

  it('returns undefined for a text that was cut off', async () => {
    expect(await updatesIn(`UPDATE t SET a = `)).toBeUndefined()
  })
})
