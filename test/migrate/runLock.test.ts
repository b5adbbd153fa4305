import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import { runCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { compileRunner } from './faults/compileRunner.ts'
import type { Runners } from './faults/runners.ts'
import { startRunners } from './faults/runners.ts'
import { runDown } from './run.ts'

const rounds = 20
const runners = 8

let database: TestDatabase
let files: MigrationDirectory

const names = ['20260101000000000_add-note', '20260102000000000_index-note', '20260103000000000_index-id']

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  const owner = await database.connect(database.ownerUrl)
  await owner.query(`CREATE TABLE public.bookings (id int); INSERT INTO public.bookings VALUES (1), (2)`)
  files = await migrationDirectory({
    [`${names[0] ?? ''}.ts`]: sqlMigration({
      up: ['ALTER TABLE public.bookings ADD note text'],
      down: ['ALTER TABLE public.bookings DROP note'],
    }),
    [`${names[1] ?? ''}.ts`]: sqlMigration({
      up: ['CREATE INDEX CONCURRENTLY bookings_note_idx ON public.bookings (note)'],
      down: ['DROP INDEX CONCURRENTLY public.bookings_note_idx'],
      noTransaction: true,
    }),
    [`${names[2] ?? ''}.ts`]: sqlMigration({
      up: ['CREATE UNIQUE INDEX CONCURRENTLY bookings_id_idx ON public.bookings (id)'],
      down: ['DROP INDEX CONCURRENTLY public.bookings_id_idx'],
      noTransaction: true,
    }),
  })
})
afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await database.drop()
})

async function expectEachOnce(): Promise<void> {
  const client = await database.connect()
  const { rows } = await client.query(
    `SELECT ARRAY(SELECT name FROM hundredfold.migrations WHERE state = 'applied' ORDER BY position) AS ledger,
            (SELECT count(*)::int FROM pg_index WHERE NOT indisvalid) AS invalid,
            (SELECT count(*)::int FROM pg_index WHERE indrelid = 'public.bookings'::regclass) AS indexes`,
  )
  expect(rows).toEqual([{ ledger: names, invalid: 0, indexes: 2 }])
}

test(
  'eight processes that start at once, twenty times: all end well, and each migration runs once',
  { timeout: 300_000 },
  async () => {
    await using program = await compileRunner(await loadMigrations(files.path))
    const processes: Runners[] = await Promise.all(
      Array.from({ length: runners }, () => startRunners(program.path)),
    )
    try {
      for (let round = 1; round <= rounds; round += 1) {
        const outcomes = await Promise.all(
          processes.map((process) => process.run({ url: database.ownerUrl, command: 'up', target: {} })),
        )
        expect(outcomes.map((outcome) => outcome?.failure)).toEqual(processes.map(() => undefined))
        expect(
          outcomes.flatMap((outcome) => outcome?.ran ?? []),
          `round ${round}`,
        ).toEqual(names)
        await expectEachOnce()
        const owner = await database.connect(database.ownerUrl)
        expect((await runDown(owner, files.path)).failure).toBeUndefined()
        await owner.end()
      }
    } finally {
      for (const process of processes) process.close()
    }
  },
)

test('eight command lines that start at once all end with 0', { timeout: 120_000 }, async () => {
  const results = await Promise.all(
    Array.from({ length: runners }, () =>
      runCommand(['migrate', 'up', '--dir', files.path, '--json', '-'], {
        environment: { DIRECT_URL: database.ownerUrl },
      }),
    ),
  )
  expect(results.map(({ exitCode }) => exitCode)).toEqual(results.map(() => 0))
  const ran = results.flatMap(({ out }) => (JSON.parse(out) as { ran: { name: string }[] }).ran)
  expect(ran.map(({ name }) => name).sort()).toEqual(names)
  await expectEachOnce()
})
