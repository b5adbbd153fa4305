import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import type { PartitionRequest } from '../../src/partition/request.ts'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import { runDown, runUp } from '../migrate/run.ts'
import { engineIsMissing } from '../support/engines.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { versions } from '../support/versions.ts'
import { readPartitionsDirectly, runProbes } from './probes.ts'
import { writeSeries } from './writeSeries.ts'

const table = { schema: 'Shop data', name: 'Order lines' }
const lines = '"Shop data"."Order lines"'
const accept = [
  'of an older line',
  'Order lines_pkey',
  'Order lines_Ticket no_key',
  '"Shop data"."Order lines"."When it was"',
]

const byWeek = { table, key: 'When it was', every: 'week' as const, ahead: 3, accept }
const byOwner = {
  ...{ table, key: 'owner_id', rewriteHistory: true },
  accept: [...accept, '"Shop data"."Order lines".owner_id', 'log 1', 'log_paid', 'log_kind'],
}
const listAndHash = [
  { way: 'by a copy into a list', request: { ...byOwner, by: 'list' as const } },
  { way: 'by a copy into a hash', request: { ...byOwner, by: 'hash' as const, modulus: 3 } },
]

describe.each(versions)('PostgreSQL $version', ({ version, engine }) => {
  describe.skipIf(engine !== undefined && engineIsMissing(engine))('', () => {
    let server: Server
    let url: string
    let keeper: Client
    let superuser: Client

    beforeAll(async () => {
      server = await startEmbedded({ version })
      superuser = await connect(server.url())
      await superuser.query('CREATE DATABASE everything')
      await superuser.end()
      url = server.url('everything')
      superuser = await connect(url)
      const text = await readFile(new URL('everything.sql', import.meta.url), 'utf8')
      const [, platform = '', ...steps] = text.replace(':database', 'everything').split(/^-- step: .+$/m)
      await superuser.query(platform)
      keeper = await connect(url)
      await keeper.query('SET SESSION AUTHORIZATION keeper')
      for (const step of steps) await keeper.query(step)
      if (version >= 15)
        await keeper.query(
          `CREATE PUBLICATION part_of_it FOR TABLE ${lines} (id, state, owner_id, "When it was") WHERE (id > 100)`,
        )
    })
    afterAll(async () => {
      await keeper.end()
      await superuser.end()
      await server.stop()
    })

    /** The clean-up and its way back. The series then goes down by its own files again. */
    async function dropAndRestore(files: MigrationDirectory, request: PartitionRequest): Promise<void> {
      const { operations } = await planPartitions(keeper, request)
      await writeSeries(files.path, operations)
      const kept = await readFingerprint(superuser)
      expect((await runUp(keeper, files.path)).failure?.message).toBeUndefined()
      expect((await readFingerprint(superuser)).text).not.toBe(kept.text)
      expect((await runDown(keeper, files.path, { count: 1 })).failure?.message).toBeUndefined()
      expect((await readFingerprint(superuser)).text).toBe(kept.text)
    }

    /** It is refused by name first. */
    async function dropWhatNoCopyKeeps(request: PartitionRequest): Promise<void> {
      const { refused } = await planPartitions(keeper, request)
      expect(refused.map(({ name }) => name).sort()).toEqual([
        'of an older line',
        'other."By day"',
        'other.by_person',
        'other.never',
        'other.richest',
      ])
      await keeper.query(`
        ALTER TABLE ${lines} DROP CONSTRAINT "of an older line";
        DROP MATERIALIZED VIEW other."By day", other.never CASCADE`)
    }

    /** Those of others that come later belong to no partition of a list. */
    async function leaveLinesOfFive(): Promise<void> {
      const others = `owner_id NOT IN (SELECT md5('p' || n)::uuid FROM generate_series(1, 5) n)`
      await keeper.query(`
        DELETE FROM other.claims WHERE ticket IN (SELECT "Ticket no" FROM ${lines} WHERE ${others});
        DELETE FROM ${lines} WHERE ${others}`)
    }

    test.each([
      { way: 'without a copy', request: { ...byWeek, rewriteHistory: false } },
      { way: 'by a copy', request: { ...byWeek, rewriteHistory: true } },
      // The oldest and the newest; test/partition/listAndHash.test.ts has all of them.
      ...([14, 18].includes(version) ? listAndHash : []),
    ])(
      'a table with everything on it is partitioned $way, and made a table again with its new rows',
      async ({ request }) => {
        const { rewriteHistory } = request
        if ('every' in request && rewriteHistory) await dropWhatNoCopyKeeps(request)
        if ('by' in request && request.by === 'list') await leaveLinesOfFive()
        const plan = await planPartitions(keeper, request)
        expect(plan.refused).toEqual([])
        await using files = await migrationDirectory({})
        await writeSeries(files.path, plan.operations)
        const before = await readFingerprint(superuser)
        const indexesBefore = await countIndexes(superuser, lines)
        const publishedBefore = await published(superuser)
        const seenBefore = await runProbes(superuser)
        const rowsBefore = await allRows(superuser)
        expect((await runUp(keeper, files.path)).failure?.message).toBeUndefined()
        expect(await allRows(superuser)).toEqual(rowsBefore)
        expect(await runProbes(superuser)).toEqual(seenBefore)
        expect(await readPartitionsDirectly(superuser)).toEqual(['42501'])
        expect(await published(superuser)).toEqual(publishedBefore)
        if (!rewriteHistory) {
          // Attaching built none. One more: a unique constraint without the key stays beside the one with it.
          expect(await countIndexes(superuser, '"Shop data"."Order lines_history"')).toBe(indexesBefore + 1)
        }
        if (rewriteHistory) await dropAndRestore(files, request)
        await addRows(keeper)
        const rows = await allRows(superuser)
        expect((await runDown(keeper, files.path)).failure?.message).toBeUndefined()
        expect((await readFingerprint(superuser)).text).toBe(before.text)
        expect(await allRows(superuser)).toEqual(rows)
      },
    )
  })
})

async function countIndexes(client: Client, table: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    'SELECT count(*)::int FROM pg_index WHERE indrelid = $1::regclass',
    [table],
  )
  return rows[0]?.count ?? 0
}

/** The tables of each publication, as a subscriber sees them. */
async function published(client: Client): Promise<unknown[]> {
  const { rows } = await client.query(
    'SELECT pubname, schemaname, tablename FROM pg_publication_tables ORDER BY 1, 2, 3',
  )
  return rows
}

/** New rows in every new partition, in the history and in the default one, with children. */
async function addRows(client: Client): Promise<void> {
  await client.query(`
    INSERT INTO ${lines} (owner_id, "When it was", cents)
    SELECT md5('p' || 1 + n % 20)::uuid, now() + n * interval '1 hour', n FROM generate_series(1, 2000) n;
    UPDATE ${lines} SET replaces = 205 WHERE "When it was" > now() + interval '70 days';
    UPDATE ${lines} SET replaces = (SELECT max(id) FROM ${lines}) WHERE id = 110;
    INSERT INTO other.payments (id, line_id)
    SELECT (SELECT max(id) FROM other.payments) + row_number() OVER (), id FROM ${lines} WHERE "When it was" > now() + interval '40 days' LIMIT 100`)
}

/** Everything but the journal, whose rows triggers write. */
async function allRows(client: Client): Promise<unknown[]> {
  const { rows } = await client.query<{ rows: string }>(`
    SELECT pg_catalog.md5(pg_catalog.string_agg(line::text, ',' ORDER BY line.id)) AS rows FROM (
      SELECT id, "Ticket no", owner_id, "When it was", state, cents, gross, tags, changed, note, replaces FROM ${lines}) line
    UNION ALL SELECT pg_catalog.md5(pg_catalog.string_agg((id, line_id, changed)::text, ',' ORDER BY id)) FROM other.payments
    UNION ALL SELECT pg_catalog.md5(pg_catalog.string_agg((id, part, line_id)::text, ',' ORDER BY id)) FROM other."Returns"
    UNION ALL SELECT count(*)::text FROM other.journal`)
  return rows.map((row) => row.rows)
}
