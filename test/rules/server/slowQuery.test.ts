import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { explainAnalyzed, explainGeneric } from '../../../src/catalog/statementPlan.ts'
import { readStatements } from '../../../src/catalog/statements.ts'
import { slowQuery } from '../../../src/rules/server/slowQuery.ts'
import type { Cause, PlanSurroundings } from '../../../src/workload/slowQueryCauses.ts'
import { findCauses } from '../../../src/workload/slowQueryCauses.ts'
import { readSurroundings } from '../../../src/workload/slowStatements.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Server } from '../../../src/servers/server.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { look } from '../look.ts'

/** What pg_stat_statements would say of a statement that costs nothing. */
const harmless = {
  id: 'x',
  text: 'SELECT 1',
  role: null,
  calls: 10,
  totalMs: 2_000,
  meanMs: 200,
  maxMs: 250,
  deviationMs: 1,
  rows: 10,
  blocksHit: 1_000,
  blocksRead: 0,
  tempBlocksWritten: 0,
  readMs: 0,
  walBytes: 0,
  walFullPages: 0,
  ioMs: 0,
  planMs: 0,
}

describe.each([14, 18])('on PostgreSQL %i', (version) => {
  describe.skipIf(version !== 18 && engineIsMissing(`postgres${version}` as 'postgres14'))(
    'a server of its own',
    () => {
      let server: Server
      let client: Client
      let surroundings: PlanSurroundings

      beforeAll(async () => {
        server = await startEmbedded({
          version,
          settings: { shared_preload_libraries: 'pg_stat_statements' },
        })
        client = await connect(server.url())
        await client.query(`
        CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
        CREATE TABLE orders (id int PRIMARY KEY, customer int, city int, zip int, note text);
        INSERT INTO orders SELECT n, n % 10000, n % 50, (n % 50) * 100, repeat('x', 60) FROM generate_series(1, 50000) n;
        CREATE TABLE lines (id int PRIMARY KEY, order_id int);
        INSERT INTO lines SELECT n, n FROM generate_series(1, 50000) n;
        CREATE TABLE secret (id int PRIMARY KEY, owner int);
        INSERT INTO secret SELECT n, n % 100 FROM generate_series(1, 20000) n;
        CREATE FUNCTION whoami() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 7; END';
        CREATE FUNCTION slowly(value int) RETURNS int LANGUAGE plpgsql VOLATILE AS
          'BEGIN PERFORM pg_sleep(0.11); RETURN value; END';
        CREATE ROLE app;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO app;
        ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON secret USING (owner = whoami())`)
        await client.query('VACUUM (ANALYZE)')
        surroundings = await readOnly(client, () => readSurroundings(borrow(client)))
      }, 120_000)
      afterAll(async () => {
        await client.end()
        await server.stop()
      })

      async function causesOf(
        text: string,
        counters: Partial<typeof harmless> & { role?: never } = {},
        role: string | null = null,
      ) {
        const statement = { ...harmless, ...counters, text, role }
        return readOnly(client, async () => {
          const plan = await explainGeneric(borrow(client), statement)
          return findCauses(statement, plan, surroundings)
        })
      }
      const ids = (causes: Cause[]): string[] => causes.map(({ id }) => id)

      test('a sequential scan that keeps few rows', async () => {
        const [cause] = await causesOf('SELECT * FROM orders WHERE customer = $1', { rows: 50 })
        expect(cause?.id).toBe('sequential_scan')
        expect(cause?.detail).toContain('reads public.orders whole (50,000 rows)')
        expect(cause?.cure).toContain('An index on the columns of its filter, (orders.customer = $1)')
        // The rule missing_index names tables and writes nothing.
        expect(cause?.cure).not.toContain('--rules missing_index')
      })

      test('a sequential scan that keeps most rows is no cause, nor is a lookup by key', async () => {
        expect(await causesOf('SELECT * FROM orders WHERE city >= $1', { rows: 200_000 })).toEqual([])
        expect(await causesOf('SELECT * FROM orders WHERE id = $1')).toEqual([])
      })

      test('a policy, seen as the role that sends the statement', async () => {
        expect(ids(await causesOf('SELECT count(*) FROM secret', {}, 'app'))).toContain('policy')
        expect(await causesOf('SELECT count(*) FROM secret', {}, null)).toEqual([])
      })

      test('a function for every row', async () => {
        const causes = await causesOf('SELECT id FROM orders WHERE customer = whoami()', { rows: 50 })
        expect(ids(causes)).toContain('function_per_row')
      })

      test('far more rows than the plan expects', async () => {
        const causes = await causesOf('SELECT * FROM orders WHERE city = $1 AND zip = $2', { rows: 100_000 })
        expect(ids(causes)).toContain('row_estimate')
      })

      test('temporary files, with the memory they would need', async () => {
        const causes = await causesOf('SELECT * FROM orders ORDER BY note', {
          tempBlocksWritten: 10_000,
          rows: 500_000,
        })
        const spill = causes.find(({ id }) => id === 'spill')
        expect(spill?.detail).toContain('8 MB of temporary files per call (Sort)')
        expect(spill?.cure).toContain('work_mem')
      })

      test('a nested loop with many rounds', async () => {
        await client.query('SET enable_hashjoin = off; SET enable_mergejoin = off')
        const causes = await causesOf('SELECT count(*) FROM lines l JOIN orders o ON o.id = l.order_id')
        await client.query('RESET enable_hashjoin; RESET enable_mergejoin')
        expect(ids(causes)).toContain('nested_loop')
      })

      test('paging with OFFSET', async () => {
        expect(ids(await causesOf('SELECT id FROM orders ORDER BY id LIMIT $1 OFFSET $2'))).toEqual([
          'offset',
        ])
      })

      test('waiting for a lock, which touches few blocks for its time', async () => {
        const waiting = { meanMs: 800, maxMs: 5_000, blocksHit: 50 }
        expect(ids(await causesOf('UPDATE orders SET note = $1 WHERE id = $2', waiting))).toEqual([
          'lock_wait',
        ])
        expect(
          await causesOf('UPDATE orders SET note = $1 WHERE id = $2', { meanMs: 0.2, maxMs: 0.3 }),
        ).toEqual([])
      })

      test('a cold cache', async () => {
        expect(ids(await causesOf('SELECT * FROM orders WHERE id = $1', { blocksRead: 5_000 }))).toEqual([
          'cold_cache',
        ])
      })

      test('typed literals, as pg_stat_statements prints them, are planned', async () => {
        expect(await causesOf('SELECT now() - interval $1')).toEqual([])
      })

      test.each(['SELECT 1; DROP TABLE orders', 'SELECT 1 FROM', 'COMMIT', 'SELECT * FROM gone'])(
        'what is no single statement of today is not planned: %s',
        async (text) => {
          await expect(causesOf(text)).rejects.toThrow()
          expect((await client.query('SELECT count(*)::int AS n FROM orders')).rows).toEqual([{ n: 50_000 }])
        },
      )

      test('executing gives real rows, and refuses to write', async () => {
        await readOnly(client, async () => {
          const root = await explainAnalyzed(borrow(client), { text: 'SELECT * FROM lines', role: null })
          expect(root['Actual Rows']).toBe(50_000)
          const write = explainAnalyzed(borrow(client), { text: 'DELETE FROM lines', role: null })
          await expect(write).rejects.toThrow('read-only')
        })
      })

      test('the rule finds what is called and slow, and nothing else', async () => {
        // Of this database alone: other tests share the server.
        await client.query(
          'SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)',
        )
        for (let call = 0; call < 6; call += 1) {
          await client.query('SELECT slowly(1) AS bad')
          await client.query('SELECT id AS good FROM orders WHERE id = 1')
        }
        await client.query('SELECT pg_sleep(0.5) AS only_once')
        const { findings } = await look(client, slowQuery)
        expect(findings.map(({ detail }) => /(bad|good|only_once)/.exec(detail)?.[1])).toEqual(['bad'])
        expect(findings[0]?.level).toBe('warn')
        expect(findings[0]?.subject[0]).toBe('statement')
      })

      test('a role outside pg_read_all_stats is told what is hidden', async () => {
        await client.query('SET ROLE app')
        const { hidden } = await readOnly(client, () => readStatements(borrow(client)))
        expect(hidden.statements).toBeGreaterThan(0)
        expect((await look(client, slowQuery)).skipped).toContain('hidden')
        await client.query('RESET ROLE')
      })
    },
  )
})
