import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import type { Server } from '../../src/servers/server.ts'
import { engineIsMissing } from '../support/engines.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { seldomAutovacuum } from '../support/seldomAutovacuum.ts'
import { versions } from '../support/versions.ts'
import { runDown, runUp } from './run.ts'

const name = '20260101000000000_change.ts'

describe.each(versions)('on PostgreSQL $version', ({ version, engine }) => {
  describe.skipIf(engine !== undefined && engineIsMissing(engine))('as the owner', () => {
    let server: Server
    let superuser: Client
    let client: Client
    let ownerUrl: string

    beforeAll(async () => {
      server = await startEmbedded({ version, settings: seldomAutovacuum })
      superuser = await connect(server.url())
      await superuser.query(`CREATE ROLE owner LOGIN PASSWORD 'owner'`)
      await superuser.query('CREATE DATABASE quiet OWNER owner')
      const url = new URL(server.url('quiet'))
      url.username = 'owner'
      url.password = 'owner'
      ownerUrl = url.href
    })
    beforeEach(async () => {
      client = await connect(ownerUrl)
      await client.query(`
        DROP SCHEMA IF EXISTS hundredfold, "of mine" CASCADE;
        CREATE SCHEMA "of mine";
        CREATE TABLE "of mine".events (id int NOT NULL, month int NOT NULL) PARTITION BY LIST (month);
        CREATE TABLE "of mine"."events 1" PARTITION OF "of mine".events FOR VALUES IN (1);
        CREATE TABLE "of mine"."events 2" PARTITION OF "of mine".events FOR VALUES IN (2);
        INSERT INTO "of mine".events SELECT id, 1 + id % 2 FROM generate_series(1, 100) id`)
      return () => client.end().catch(() => undefined)
    })
    afterAll(async () => {
      await superuser.end()
      await server.stop()
    })

    async function partitions(): Promise<unknown[]> {
      const { rows } = await client.query(
        `SELECT relname AS name, inhdetachpending AS pending FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
         WHERE inhparent = '"of mine".events'::regclass ORDER BY 1`,
      )
      return rows
    }

    async function ledger(): Promise<unknown[]> {
      return (await client.query('SELECT state FROM hundredfold.migrations')).rows
    }

    const detach = sqlMigration({
      up: ['ALTER TABLE "of mine".events DETACH PARTITION "of mine"."events 2" CONCURRENTLY'],
      down: ['ALTER TABLE "of mine".events ATTACH PARTITION "of mine"."events 2" FOR VALUES IN (2)'],
      noTransaction: true,
    })
    const one = { name: 'events 1', pending: false }
    const two = { name: 'events 2', pending: false }

    test('a partition is detached concurrently, and attached again with its mark', async () => {
      await using files = await migrationDirectory({ [name]: detach })
      expect((await runUp(client, files.path)).failure).toBeUndefined()
      expect(await partitions()).toEqual([one])
      expect((await runDown(client, files.path)).failure).toBeUndefined()
      expect(await partitions()).toEqual([one, two])
    })

    test('a detach that was killed in the middle is finished by the next up', async () => {
      await using files = await migrationDirectory({ [name]: detach })
      const reader = await connect(ownerUrl)
      await reader.query('BEGIN; SELECT count(*) FROM "of mine".events')
      const { processID } = client as Client & { processID: number }
      const running = runUp(client, files.path)
      const looker = await connect(ownerUrl)
      const isPending = async () =>
        (await looker.query('SELECT FROM pg_inherits WHERE inhdetachpending')).rowCount === 1
      while (!(await isPending())) await new Promise((resolve) => setTimeout(resolve, 20))
      await superuser.query('SELECT pg_terminate_backend($1)', [processID])
      expect((await running).failure?.message).toContain('The connection was lost')
      await reader.end()
      client = looker
      expect(await partitions()).toEqual([one, { ...two, pending: true }])
      expect(await ledger()).toEqual([{ state: 'applying' }])
      expect((await runUp(client, files.path)).failure).toBeUndefined()
      expect(await partitions()).toEqual([one])
      expect(await ledger()).toEqual([{ state: 'applied' }])
    })

    test('a detach waits for old transactions longer than for a lock', async () => {
      await using files = await migrationDirectory({ [name]: detach })
      const reader = await connect(ownerUrl)
      await reader.query('BEGIN; SELECT count(*) FROM "of mine".events')
      const running = runUp(client, files.path, { lockTimeoutMs: 1, lockBudgetMs: 1 })
      const isPending = async () =>
        (await reader.query('SELECT FROM pg_inherits WHERE inhdetachpending')).rowCount === 1
      while (!(await isPending())) await new Promise((resolve) => setTimeout(resolve, 20))
      await new Promise((resolve) => setTimeout(resolve, 100))
      await reader.end()
      expect((await running).failure).toBeUndefined()
      expect(await partitions()).toEqual([one])
    })

    test('what never was a partition is an error', async () => {
      await client.query('ALTER TABLE "of mine".events DETACH PARTITION "of mine"."events 2"')
      await using files = await migrationDirectory({ [name]: detach })
      expect((await runUp(client, files.path)).failure?.message).toContain('is not a partition of relation')
    })
  })
})
