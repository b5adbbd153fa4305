import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defineIndexes } from '../../src/catalog/indexDefinitions.ts'
import { listIndexes } from '../../src/catalog/indexes.ts'
import { readOnce } from '../../src/catalog/reader.ts'
import { dropIndex } from '../../src/operations/dropIndex.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { borrow } from '../../src/postgres/database.ts'
import { readOnly } from '../../src/postgres/readOnly.ts'
import { expectReversible } from '../rules/look.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let superuser: Client
let owner: Client
let tablespace: string

beforeAll(async () => {
  database = await createDatabase()
  tablespace = `${database.name}_space`
  superuser = await database.connect()
  await superuser.query('SET allow_in_place_tablespaces = on')
  await superuser.query(`CREATE TABLESPACE ${tablespace} LOCATION ''`)
  await superuser.query(`GRANT CREATE ON TABLESPACE ${tablespace} TO PUBLIC`)
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE TABLE "Odd things" (id int PRIMARY KEY, "Key" int NOT NULL, b text, c int, d int[]);
    INSERT INTO "Odd things" SELECT n, n, 'b' || n, n, ARRAY[n] FROM generate_series(1, 50) n;
    CREATE INDEX everything ON "Odd things" USING btree (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, "Key", (c + 1))
      INCLUDE (d) WITH (fillfactor = 70, deduplicate_items = off) TABLESPACE ${tablespace} WHERE c > 0 AND b <> 'it''s';
    COMMENT ON INDEX everything IS E'it''s \\\\ for\nthe "search" page';
    ALTER INDEX everything ALTER COLUMN 1 SET STATISTICS 300;
    ALTER INDEX everything ALTER COLUMN 3 SET STATISTICS 0;
    CREATE INDEX "odd ""one""" ON "Odd things" USING gin (d) WITH (fastupdate = off, gin_pending_list_limit = 128);
    CREATE INDEX ranges ON "Odd things" USING brin (c int4_minmax_multi_ops (values_per_range = 16)) WITH (pages_per_range = 8);
    CREATE INDEX clustered ON "Odd things" (c);
    ALTER TABLE "Odd things" CLUSTER ON clustered;
    CREATE UNIQUE INDEX identity ON "Odd things" ("Key");
    ALTER TABLE "Odd things" REPLICA IDENTITY USING INDEX identity`)
})

afterAll(async () => {
  await owner.end()
  await superuser.query('DROP TABLE "Odd things"')
  await superuser.query(`DROP TABLESPACE ${tablespace}`)
  await database.drop()
})

async function drop(name: string): Promise<Operation> {
  return readOnly(owner, async () => {
    const db = borrow(owner)
    const found = (await readOnce(db)(listIndexes)).filter((each) => each.name === name)
    const [index] = (await defineIndexes(db, found)).values()
    if (!index) throw new Error(`there is no index ${name}`)
    return dropIndex(index, { rule: 'unused_index', why: 'Nobody uses it.' })
  })
}

test('down brings back everything that an index has', { timeout: 120_000 }, async () => {
  const operations = [await drop('everything'), await drop('odd "one"'), await drop('ranges')]
  expect(operations[0]?.down).toEqual([
    expect.stringMatching(/fillfactor='70', deduplicate_items=off\) TABLESPACE ".*_space" WHERE/),
    'ALTER INDEX "public"."everything" ALTER COLUMN 1 SET STATISTICS 300',
    'ALTER INDEX "public"."everything" ALTER COLUMN 3 SET STATISTICS 0',
    expect.stringMatching(/^COMMENT ON INDEX "public"."everything" IS/),
  ])
  await expectReversible(owner, ...operations)
})

test.each([
  ['clustered', 'its table is clustered on it'],
  ['identity', 'it is the replica identity of its table'],
  ['Odd things_pkey', 'a constraint needs it'],
])('an index with a mark is never dropped: %s', async (name, reason) => {
  await expect(drop(name)).rejects.toThrow(reason)
})
