import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { callCommand } from '../../support/commandLine.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { sqlMigration } from '../../support/migrationFiles.ts'
import type { MigrationTool } from '../../support/migrationTools.ts'
import { makeProject, migrationTools, prismaEnvironment, runnerIn } from '../../support/migrationTools.ts'

const createIndexes = sqlMigration({
  noTransaction: true,
  up: [
    'CREATE INDEX CONCURRENTLY orders_customer_id_idx ON public.orders (customer_id, paid DESC)',
    'CREATE INDEX CONCURRENTLY orders_note_idx ON public.orders USING hash (note)',
    'CREATE INDEX CONCURRENTLY orders_paid_idx ON public.orders (id) WHERE paid',
  ],
  down: [],
})

let work: string
let database: TestDatabase
let project: string

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'source-'))
})
beforeEach(async () => {
  project = await mkdtemp(join(work, 'project-'))
  await write('ours/20261130120000000_create-indexes.ts', createIndexes)
  database = await createDatabase()
  return () => database.drop()
})
afterAll(() => rm(work, { recursive: true }))

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(project, path, '..'), { recursive: true })
  await writeFile(join(project, path), text)
}

function read(path: string): Promise<string> {
  return readFile(join(project, path), 'utf8')
}

function exportFor(format: string) {
  return callCommand(['export', '--format', format, '--dir', 'ours', '--yes'], {
    environment: { DIRECT_URL: database.url },
    directory: project,
  })
}

function toolOf(format: string): MigrationTool {
  return migrationTools.find((tool) => tool.format === format) as MigrationTool
}

const prismaSchema = `// A comment { with braces
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL") // "quoted" }
}

model Order {
  id         Int     @id
  customerId Int     @map("customer_id")
  paid       Boolean
  note       String

  @@map("orders")
}

enum Mood {
  happy
}
`
const orders = `CREATE TABLE public.orders (id integer NOT NULL, customer_id integer NOT NULL, paid boolean NOT NULL, note text NOT NULL, CONSTRAINT orders_pkey PRIMARY KEY (id))`

describe('Prisma', () => {
  test('gets an attribute for each index that it can say, and the others are named', async () => {
    await write('prisma/schema.prisma', prismaSchema)
    const { exitCode, out } = await exportFor('prisma')
    expect(exitCode).toBe(0)
    const lines = [
      '  @@index([customerId, paid(sort: Desc)], map: "orders_customer_id_idx")',
      '  @@index([note], type: Hash, map: "orders_note_idx")',
    ].join('\n')
    expect(await read('prisma/schema.prisma')).toBe(
      prismaSchema.replace('  @@map("orders")\n', `  @@map("orders")\n${lines}\n`),
    )
    expect(out).toContain('+ @@index([note], type: Hash, map: "orders_note_idx")')
    expect(out).toContain('Prisma has no attribute for CREATE INDEX orders_paid_idx')
  })

  test.each(['model Order {\n  id Int @id\n', 'modell Order {\n}\n', 'model A {\nmodel B {\n}\n}\n'])(
    'is told where its schema does not parse, and nothing is written: %j',
    async (text) => {
      await write('prisma/schema.prisma', text)
      const { exitCode, err } = await exportFor('prisma')
      expect(exitCode).toBe(5)
      expect(err).toMatch(/prisma\/schema\.prisma does not parse at line \d/)
      expect(await readdir(join(project, 'prisma'))).toEqual(['schema.prisma'])
      expect(await read('prisma/schema.prisma')).toBe(text)
    },
  )

  test.skipIf(engineIsMissing('migrationTools'))('finds no difference afterwards', async () => {
    await write(
      'ours/20261130120000000_create-indexes.ts',
      createIndexes.replace(/.*orders_paid_idx.*\n/, ''),
    )
    await makeProject(project, toolOf('prisma'))
    await write('prisma/schema.prisma', prismaSchema)
    await write(
      'prisma/migrations/20200101000000_init/migration.sql',
      `${orders}; CREATE TYPE "Mood" AS ENUM ('happy')`,
    )
    expect(await exportFor('prisma')).toMatchObject({ exitCode: 0 })
    const run = runnerIn(project, database.url)
    const migrations = ['--from-migrations', 'prisma/migrations']
    const model = ['--to-schema-datamodel', 'prisma/schema.prisma']
    const environment = { ...prismaEnvironment, PRISMA_SCHEMA: 'public' }
    const diff = () => run('prisma', ['migrate', 'diff', ...migrations, ...model, '--exit-code'], environment)
    expect(await diff()).toContain('No difference detected')
    const client = await database.connect()
    await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
    await write('prisma/schema.prisma', prismaSchema)
    await expect(diff()).rejects.toThrow('Removed index')
  })
})

describe('Supabase', () => {
  test('gets the indexes in the file that creates the table, and they are those of the migration', async () => {
    await write('supabase/schemas/orders.sql', orders)
    await write('supabase/schemas/zzz.sql', 'CREATE VIEW public.v AS SELECT 1 AS one;\n')
    expect(await exportFor('supabase')).toMatchObject({ exitCode: 0 })
    const client = await database.connect()
    await client.query(await read('supabase/schemas/orders.sql'))
    const { rows } = await client.query(
      `SELECT indexdef FROM pg_indexes WHERE indexname LIKE 'orders%idx' ORDER BY indexname`,
    )
    expect(rows.map(({ indexdef }) => indexdef as string)).toEqual([
      'CREATE INDEX orders_customer_id_idx ON public.orders USING btree (customer_id, paid DESC)',
      'CREATE INDEX orders_note_idx ON public.orders USING hash (note)',
      'CREATE INDEX orders_paid_idx ON public.orders USING btree (id) WHERE paid',
    ])
    expect(await read('supabase/schemas/zzz.sql')).toBe('CREATE VIEW public.v AS SELECT 1 AS one;\n')
  })

  test('is told which file does not parse', async () => {
    await write('supabase/schemas/orders.sql', 'CREATE TABEL x')
    const { exitCode, err } = await exportFor('supabase')
    expect(exitCode).toBe(5)
    expect(err).toContain('supabase/schemas/orders.sql does not parse')
  })
})

describe.skipIf(engineIsMissing('migrationTools'))('Drizzle', () => {
  test('finds no difference once the printed lines are in its tables', async () => {
    await makeProject(project, toolOf('drizzle'))
    const table = (indexes: string[]) => `
      import { boolean, index, integer, pgTable, text } from 'drizzle-orm/pg-core'
      export const orders = pgTable('orders', {
        id: integer('id').primaryKey(), customer_id: integer('customer_id').notNull(),
        paid: boolean('paid').notNull(), note: text('note').notNull(),
      }, (t) => [${indexes.join(', ')}])`
    await write('schema.js', table([]))
    await write(
      'ours/20261130120000000_create-indexes.ts',
      createIndexes.replace(/.*orders_paid_idx.*\n/, ''),
    )
    const run = runnerIn(project, database.url)
    await run('drizzle-kit', ['generate', '--name', 'init'])
    const { out } = await exportFor('drizzle')
    const lines = Array.from(out.matchAll(/table public\.orders: (index\(.*)/g), ([, line]) => line as string)
    expect(lines).toHaveLength(2)
    await write('schema.js', table(lines))
    expect(await run('drizzle-kit', ['generate'])).toContain('No schema changes')
    expect(await run('drizzle-kit', ['check'])).toContain("Everything's fine")
    await run('drizzle-kit', ['migrate'])
    const client = await database.connect()
    const { rows } = await client.query(
      `SELECT count(*)::int AS count FROM pg_indexes WHERE tablename = 'orders'`,
    )
    expect(rows).toEqual([{ count: 3 }])
  })
})
