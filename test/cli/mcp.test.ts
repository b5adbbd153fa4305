import { Client as Agent } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callCommand, program } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'

let database: TestDatabase
let owner: Client
let files: MigrationDirectory
let agent: Agent

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  const superuser = await database.connect()
  await superuser.query('GRANT CREATE ON SCHEMA public TO casaora_owner')
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE TABLE public.tools AS SELECT id, id % 100 AS kind FROM generate_series(1, 20000) id;
    ALTER TABLE public.tools ADD PRIMARY KEY (id);
    CREATE TABLE public.parts (id int PRIMARY KEY, tool_id int REFERENCES public.tools (id));
    CREATE INDEX parts_one ON public.parts (tool_id);
    CREATE INDEX parts_two ON public.parts (tool_id);
    -- It says that it changes nothing, so the planner calls it.
    CREATE FUNCTION public.sneaky() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM set_config('transaction_read_only', 'off', true);
        DELETE FROM public.tools;
        RETURN 1;
      END $$;
    ANALYZE`)
  files = await migrationDirectory({
    '20260101000000000_create-tools-kind-idx.ts': sqlMigration({
      up: ['CREATE INDEX CONCURRENTLY tools_kind_idx ON public.tools (kind)'],
      down: ['DROP INDEX CONCURRENTLY public.tools_kind_idx'],
      noTransaction: true,
    }),
  })
  agent = new Agent({ name: 'test', version: '1.0.0' })
  await agent.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [program, 'mcp', '--dir', files.path],
      env: { PATH: process.env['PATH'] ?? '', DIRECT_URL: database.ownerUrl },
    }),
  )
}, 120_000)
afterAll(async () => {
  await agent.close()
  await files[Symbol.asyncDispose]()
  await database.drop()
})

async function call(name: string, input: Record<string, unknown> = {}) {
  const { content, isError } = await agent.callTool({ name, arguments: input })
  const [first] = content
  return { isError: isError === true, text: first?.type === 'text' ? first.text : '' }
}

async function answer(name: string, input: Record<string, unknown> = {}): Promise<unknown> {
  const { isError, text } = await call(name, input)
  expect(isError, text).toBe(false)
  return JSON.parse(text)
}

const countTools = async () => (await owner.query('SELECT count(*)::int AS tools FROM public.tools')).rows[0]

test('an agent is told of four tools, all of which only read', async () => {
  const { tools } = await agent.listTools()
  expect(tools.map(({ name }) => name)).toEqual(['diagnose', 'advise', 'plan', 'explain'])
  expect(tools.map(({ annotations }) => annotations?.readOnlyHint)).toEqual([true, true, true, true])
})

test('diagnose answers with the worst findings, and counts the others', async () => {
  const found = (await answer('diagnose', { rules: ['duplicate_index'], limit: 1 })) as Record<
    string,
    unknown
  >
  expect(found).toMatchObject({ findingsInAll: 1, findingsByRule: { duplicate_index: 1 } })
  expect(found['findings']).toMatchObject([{ rule: 'duplicate_index', subject: ['public', 'parts_two'] }])
  const refused = await call('diagnose', { rules: ['no_such_rule'] })
  expect(refused).toMatchObject({ isError: true })
  expect(refused.text).toContain('There is no rule called no_such_rule.')
})

test('advise answers with the index that a statement wants', async () => {
  const statements = [{ sql: 'SELECT id FROM public.tools WHERE kind = $1', calls: 1000 }]
  const advice = (await answer('advise', { statements })) as { indexes: { definition: string }[] }
  expect(advice.indexes.map(({ definition }) => definition)[0]).toBe(
    'CREATE INDEX ON "public"."tools" USING btree (kind)',
  )
}, 120_000)

test('plan answers with what the pending migrations will do', async () => {
  expect(await answer('plan')).toMatchObject({
    migrations: [{ name: '20260101000000000_create-tools-kind-idx', reversible: true }],
  })
}, 120_000)

test('explain answers with a plan, for values and for any values', async () => {
  for (const sql of ['SELECT * FROM tools WHERE id = 5', 'SELECT * FROM tools WHERE id = $1']) {
    expect(await answer('explain', { sql })).toMatchObject({ Plan: { 'Relation Name': 'tools' } })
  }
})

test('nothing that an agent sends writes to the database', async () => {
  await answer('explain', { sql: 'DELETE FROM public.tools' })
  for (const sql of [
    'SELECT 1; DELETE FROM public.tools',
    'DROP TABLE public.tools',
    'ANALYZE SELECT 1',
    'COMMIT',
    'SELECT public.sneaky()',
  ]) {
    expect(await call('explain', { sql }), sql).toMatchObject({ isError: true })
  }
  const statements = [{ sql: 'SELECT 1; DELETE FROM public.tools' }]
  expect(await call('advise', { statements })).toMatchObject({ isError: true })
  expect(await countTools()).toEqual({ tools: 20_000 })
})

test('without a connection it says so before it serves', async () => {
  const refused = await callCommand(['mcp'])
  expect(refused).toMatchObject({ exitCode: 5 })
  expect(refused.err).toContain('DIRECT_URL')
})
