import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listIndexBirths } from '../../../src/catalog/indexBirths.ts'
import { readServerFacts } from '../../../src/catalog/server.ts'
import { snapshotOf } from '../../../src/catalog/snapshot.ts'
import type { Operation } from '../../../src/operations/operation.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { expectNoFailure, findAll } from '../../../src/rules/find.ts'
import { duplicateIndex } from '../../../src/rules/indexes/duplicateIndex.ts'
import { invalidIndex } from '../../../src/rules/indexes/invalidIndex.ts'
import { redundantIndex } from '../../../src/rules/indexes/redundantIndex.ts'
import { unusedIndexAfter } from '../../../src/rules/indexes/unusedIndex.ts'
import type { EmbeddedServer } from '../../../src/servers/embedded.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Engine } from '../../support/engines.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { seldomAutovacuum } from '../../support/seldomAutovacuum.ts'
import { expectReversible, settleCounters } from '../look.ts'
import { dropTraps } from './dropTraps.ts'

describe.each([14, 15, 16, 17, 18])('on PostgreSQL %i', (version) => {
  const missing = version !== 18 && engineIsMissing(`postgres${version}` as Engine)
  const traps = dropTraps.filter(({ from = 0 }) => version >= from)
  let server: EmbeddedServer
  let client: Client
  /** What the rules would drop by migration, by the name of the index. */
  let dropped: Map<string, Operation>

  beforeAll(async () => {
    if (missing) return
    server = await startEmbedded({
      version,
      settings: { track_commit_timestamp: 'on', ...seldomAutovacuum },
    })
    const administrator = await connect(server.url())
    await administrator.query('CREATE DATABASE traps')
    await administrator.end()
    client = await connect(server.url('traps'))
    await client.query('CREATE EXTENSION pg_trgm')
    await client.query('CREATE TABLE young (a int, b int); CREATE INDEX young_a ON young (a)')
    for (const { sql } of traps) await client.query(sql)
    const busy = traps.filter(({ isBusy }) => isBusy).flatMap(({ sql }) => tablesIn(sql))
    await read100Times(client, ['young', ...busy])
    await settleCounters(client)
    // Long enough to tell the ages of what is older and younger.
    await client.query('SELECT pg_sleep(0.2); CREATE INDEX young_b ON young (b)')
    dropped = await dropsByMigration(client)
  }, 120_000)

  afterAll(async () => {
    if (missing) return
    await client.end()
    await server.stop()
  })

  test.skipIf(missing).each(traps)('$what: $why', ({ goes, stays }) => {
    expect(goes.filter((name) => !dropped.has(name))).toEqual([])
    expect(stays.filter((name) => dropped.has(name))).toEqual([])
  })

  test.skipIf(missing)('an index that is younger than the statistics have to be stays', () => {
    expect([...dropped.keys()].filter((name) => name.startsWith('young'))).toEqual(['young_a'])
  })

  test.skipIf(missing)('nothing goes that is not labelled', () => {
    const labelled = ['young_a', ...traps.flatMap(({ goes }) => goes)]
    expect([...dropped.keys()].filter((name) => !labelled.includes(name))).toEqual([])
    expect(labelled.length).toBeGreaterThanOrEqual(40)
  })

  test.skipIf(missing || ![14, 18].includes(version))(
    'all of it goes, comes back and goes again',
    { timeout: 240_000 },
    async () => {
      await expectReversible(client, ...dropped.values())
    },
  )
})

/** Runs the rules as if statistics and indexes had to be as old as what was made before the last one. */
async function dropsByMigration(client: Client): Promise<Map<string, Operation>> {
  return readOnly(client, async () => {
    const snapshot = snapshotOf(borrow(client))
    const births = [...(await snapshot.read(listIndexBirths)).values()].map((at) => at.getTime())
    const [last = 0, before = 0] = births.toSorted((a, b) => b - a)
    const days = ((await snapshot.read(readServerFacts)).now.getTime() - (last + before) / 2) / 86_400_000
    const rules = [duplicateIndex, redundantIndex, unusedIndexAfter(days), invalidIndex]
    const found = await findAll(rules, snapshot)
    expectNoFailure(found)
    expect(found.looked.map(({ status }) => status)).toEqual(rules.map(() => 'ok'))
    return new Map(
      found.findings.flatMap(({ subject, remedy }) =>
        remedy.kind === 'migration' ? [[subject[1] ?? '', remedy.operation] as const] : [],
      ),
    )
  })
}

function tablesIn(sql: string): string[] {
  return Array.from(sql.matchAll(/CREATE TABLE (\w+)/g), ([, name]) => name ?? '')
}

async function read100Times(client: Client, tables: string[]): Promise<void> {
  await client.query(`DO $$ BEGIN
    FOR n IN 1..100 LOOP ${tables.map((table) => `PERFORM FROM ${table};`).join(' ')} END LOOP;
  END $$`)
}
