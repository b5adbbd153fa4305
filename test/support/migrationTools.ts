import { execFile } from 'node:child_process'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FormatName } from '../../src/export/format.ts'
import { toolsDirectory } from './engines.ts'

/** A migration tool in a project of its own, with a database that has its schema already. */
export interface MigrationTool {
  format: FormatName
  /** Files of the project, by path, before anything is exported into it. */
  project: Record<string, string>
  /** Runs everything that is pending. */
  up(run: RunTool, url: string): Promise<string>
  /** Takes back everything, with the tool's own command. */
  down?(run: RunTool): Promise<string>
  /** SQL that removes what the tool keeps about itself. */
  forget: string
}

/** Runs one of the tool's programs in the project's folder; a failure is an error with all that it printed. */
export type RunTool = (
  program: string,
  args: string[],
  environment?: Record<string, string>,
) => Promise<string>

/** Makes a project in an empty folder, in which the tools resolve as if they were installed there. */
export async function makeProject(directory: string, { project }: MigrationTool): Promise<void> {
  await symlink(join(toolsDirectory, 'node_modules'), join(directory, 'node_modules'))
  for (const [path, text] of Object.entries(project)) {
    await mkdir(join(directory, path, '..'), { recursive: true })
    await writeFile(join(directory, path), text)
  }
}

export function runnerIn(directory: string, url: string): RunTool {
  const address = `${url}?sslmode=disable`
  return (program, args, environment) =>
    new Promise((resolve, reject) => {
      const path = program.startsWith('/') ? program : join(toolsDirectory, 'node_modules/.bin', program)
      const env = {
        PATH: process.env['PATH'],
        HOME: directory,
        DATABASE_URL: address,
        NO_COLOR: '1',
        ...environment,
      }
      execFile(path, args, { cwd: directory, env, timeout: 50_000 }, (error, out, err) => {
        if (error) reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${out}\n${err}`))
        else resolve(out + err)
      })
    })
}

const commonJs = JSON.stringify({ name: 'shop', type: 'commonjs' })
const modules = JSON.stringify({ name: 'shop', type: 'module' })

/** Prisma's engine is WebAssembly here; without these it would download binaries. */
export const prismaEnvironment = {
  PRISMA_QUERY_ENGINE_LIBRARY: '/bin/true',
  PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
  CHECKPOINT_DISABLE: '1',
  // Prisma refuses to begin in a schema that has tables.
  PRISMA_SCHEMA: 'prisma',
}

/** Every tool that npm brings. */
export const migrationTools: MigrationTool[] = [
  {
    format: 'supabase',
    project: { 'supabase/config.toml': 'project_id = "shop"\n' },
    up: (run, url) => run('supabase', ['migration', 'up', `--remote=${url}`, '--yes']),
    forget: 'DROP SCHEMA supabase_migrations CASCADE',
  },
  {
    format: 'prisma',
    project: {
      'package.json': modules,
      'prisma/schema.prisma': 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n',
      'prisma.config.ts': `
        import { defineConfig } from 'prisma/config'
        import { PrismaPg } from '@prisma/adapter-pg'
        import { ColumnTypeEnum } from '@prisma/driver-adapter-utils'
        // Prisma's own engine sends a migration as one string; the adapter would cut it at each semicolon.
        // Nor does it know the type "char", in which catalogs have their codes.
        const whole = (adapter) => {
          const query = adapter.client.query.bind(adapter.client)
          const queryRaw = adapter.queryRaw.bind(adapter)
          let characters = []
          adapter.client.query = async (...args) => {
            const result = await query(...args)
            characters = (result.fields ?? []).flatMap(({ dataTypeID }, at) => (dataTypeID === 18 ? [at] : []))
            for (const at of characters) result.fields[at].dataTypeID = 25
            return result
          }
          adapter.queryRaw = async (given) => {
            const result = await queryRaw(given)
            for (const at of characters) result.columnTypes[at] = ColumnTypeEnum.Character
            return result
          }
          adapter.executeScript = async (script) => void (await query(script))
          return adapter
        }
        class WholeScripts extends PrismaPg {
          connect = async () => whole(await super.connect())
          connectToShadowDb = async () => whole(await super.connectToShadowDb())
        }
        // The adapter's shadow database is the one that the connection string names.
        export default defineConfig({
          experimental: { adapter: true }, engine: 'js', schema: 'prisma/schema.prisma',
          adapter: async () => new WholeScripts({ connectionString: process.env.DATABASE_URL }, { schema: process.env.PRISMA_SCHEMA }),
        })`,
    },
    up: (run) => run('prisma', ['migrate', 'deploy'], prismaEnvironment),
    forget: 'DROP TABLE public._prisma_migrations; DROP SCHEMA prisma',
  },
  {
    format: 'drizzle',
    project: {
      'package.json': modules,
      'schema.js': '',
      'drizzle.config.js': `
        export default {
          dialect: 'postgresql', schema: './schema.js', out: './drizzle',
          dbCredentials: { url: process.env.DATABASE_URL },
        }`,
    },
    up: (run) => run('drizzle-kit', ['migrate']),
    forget: 'DROP SCHEMA drizzle CASCADE',
  },
  {
    format: 'knex',
    project: {
      'package.json': commonJs,
      'knexfile.js': `module.exports = { client: 'pg', connection: process.env.DATABASE_URL }`,
    },
    up: (run) => run('knex', ['migrate:latest']),
    down: (run) => run('knex', ['migrate:rollback', '--all']),
    forget: 'DROP TABLE public.knex_migrations, public.knex_migrations_lock',
  },
  {
    format: 'typeorm',
    project: {
      'package.json': commonJs,
      'data-source.js': `
        const { DataSource } = require('typeorm')
        module.exports = new DataSource({
          type: 'postgres', url: process.env.DATABASE_URL, migrations: ['src/migrations/*.js'],
        })`,
      'revert.js': `
        const source = require('./data-source.js')
        void (async () => {
          await source.initialize()
          while ((await source.query('SELECT * FROM public.migrations')).length > 0)
            await source.undoLastMigration({ transaction: 'none' })
          await source.destroy()
        })()`,
    },
    up: (run) => run('typeorm', ['migration:run', '-d', 'data-source.js', '--transaction', 'each']),
    // What `migration:revert --transaction none` does, as often as there are migrations, in one process.
    down: (run) => run(process.execPath, ['revert.js']),
    forget: 'DROP TABLE public.migrations',
  },
  {
    format: 'mikroorm',
    project: {
      'package.json': JSON.stringify({
        name: 'shop',
        dependencies: { '@mikro-orm/cli': '6.6.7', '@mikro-orm/core': '6.6.7' },
      }),
      'mikro-orm.config.js': `
        const { defineConfig } = require('@mikro-orm/postgresql')
        const { Migrator } = require('@mikro-orm/migrations')
        module.exports = defineConfig({
          clientUrl: process.env.DATABASE_URL, entities: [], extensions: [Migrator],
          discovery: { warnWhenNoEntities: false },
          migrations: { path: 'migrations', allOrNothing: false, snapshot: false },
        })`,
    },
    up: (run) => run('mikro-orm', ['migration:up']),
    down: (run) => run('mikro-orm', ['migration:down', '--to', '0']),
    forget: 'DROP TABLE public.mikro_orm_migrations',
  },
  {
    format: 'kysely',
    project: {
      'package.json': modules,
      'migrate.js': `
        import { promises as fs } from 'node:fs'
        import path from 'node:path'
        import pg from 'pg'
        import { Kysely, PostgresDialect } from 'kysely'
        import { FileMigrationProvider, Migrator, NO_MIGRATIONS } from 'kysely/migration'
        const db = new Kysely({
          dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: process.env.DATABASE_URL }) }),
        })
        const provider = new FileMigrationProvider({ fs, path, migrationFolder: path.resolve('migrations') })
        const migrator = new Migrator({ db, provider, disableTransactions: true })
        const { error } = process.argv[2] === 'up'
          ? await migrator.migrateToLatest()
          : await migrator.migrateTo(NO_MIGRATIONS)
        await db.destroy()
        if (error) throw error`,
    },
    up: (run) => run(process.execPath, ['migrate.js', 'up']),
    down: (run) => run(process.execPath, ['migrate.js', 'down']),
    forget: 'DROP TABLE public.kysely_migration, public.kysely_migration_lock',
  },
  {
    format: 'graphile',
    project: { '.gmrc': '{}' },
    up: (run) => run('graphile-migrate', ['migrate']),
    forget: 'DROP SCHEMA graphile_migrate CASCADE',
  },
  {
    format: 'dbmate',
    project: {},
    up: (run) => run('dbmate', ['--no-dump-schema', 'up']),
    down: (run) =>
      untilNothing(
        () => run('dbmate', ['--no-dump-schema', 'rollback']),
        "can't rollback: no migrations have been applied",
      ),
    forget: 'DROP TABLE public.schema_migrations',
  },
]

/** Repeats a command that takes back one migration, until it says that there is none left. */
async function untilNothing(step: () => Promise<string>, end: string): Promise<string> {
  let printed = ''
  for (;;) {
    const output = await step().catch((error: unknown) => (error as Error).message)
    printed += output
    if (output.includes(end)) return printed
    if (/error/i.test(output)) throw new Error(output)
  }
}

/** Files of a folder and its subfolders, with their paths in it. */
export async function listFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((path) => !path.startsWith('node_modules'))
    .sort()
}
