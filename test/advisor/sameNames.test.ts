import { expect, test } from 'vitest'
import { advise } from '../../src/advisor/advise.ts'
import { display } from '../../src/postgres/identifiers.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'
import { createDatabase } from '../support/database.ts'

test('indexes of one name in several schemas are told apart, with no time to look for others', async () => {
  const database = await createDatabase()
  const client = await database.connect()
  try {
    for (const schema of ['first', 'second', 'third']) {
      await client.query(`
        CREATE SCHEMA ${schema};
        CREATE TABLE ${schema}.items (id int PRIMARY KEY, kind int NOT NULL, body text NOT NULL);
        INSERT INTO ${schema}.items SELECT n, n % 5000, md5(n::text) FROM generate_series(1, 20000) n;
        CREATE INDEX items_kind_idx ON ${schema}.items (kind);
        ANALYZE ${schema}.items`)
    }
    const workload = parseWorkload(
      '-- calls: 1000\nSELECT * FROM second.items WHERE kind = 77;\n-- calls: 10\nSELECT body FROM first.items WHERE kind = 7;',
    )
    const { drops, statements } = await advise(client, workload, { timeLimit: 0 })
    expect(drops.map(display)).toEqual(['third.items_kind_idx'])
    expect(statements).toHaveLength(2)
  } finally {
    await client.end()
    await database.drop()
  }
}, 120_000)
