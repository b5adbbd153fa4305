import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { foreignKeysAreAlike } from '../../src/conditions/foreignKeys.ts'
import { borrow } from '../../src/postgres/database.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const table = { schema: 'Shop', name: 'order lines' }
const definition = 'FOREIGN KEY (a) REFERENCES "Shop".goods(id)'

describe('foreign keys are alike', () => {
  let database: TestDatabase
  let client: Client

  beforeAll(async () => {
    database = await createDatabase()
    client = await database.connect()
    await client.query(`
      SET search_path = '';
      CREATE SCHEMA "Shop";
      CREATE TABLE "Shop".goods (id int PRIMARY KEY);
      CREATE TABLE "Shop"."order lines" (a int, b int,
        CONSTRAINT one FOREIGN KEY (a) REFERENCES "Shop".goods,
        CONSTRAINT two FOREIGN KEY (a) REFERENCES "Shop".goods,
        CONSTRAINT "on b" FOREIGN KEY (b) REFERENCES "Shop".goods,
        CONSTRAINT cascades FOREIGN KEY (a) REFERENCES "Shop".goods ON DELETE CASCADE)`)
  })
  afterAll(() => database.drop())

  const check = (key: string, other: string, as = definition) =>
    foreignKeysAreAlike(table, key, other, as).check(borrow(client))

  it('holds where they differ in nothing but their names', async () => {
    expect(await check('one', 'two')).toEqual({ holds: true })
  })

  it.each([
    { other: 'absent', actual: 'no foreign key absent' },
    { other: 'on b', actual: 'others' },
    { other: 'cascades', actual: 'they differ in ON DELETE' },
  ])('fails beside $other: $actual', async ({ other, actual }) => {
    expect(await check('one', other)).toMatchObject({ holds: false, actual })
  })

  it('fails where the key is no longer the one that the file adds again', async () => {
    const found = await check('one', 'two', `${definition} ON DELETE CASCADE`)
    expect(found).toMatchObject({ holds: false, actual: definition })
  })
})
