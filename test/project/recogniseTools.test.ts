import { expect, test } from 'vitest'
import { recogniseTools } from '../../src/project/recogniseTools.ts'
import type { ToolName } from '../../src/project/tool.ts'
import { toolNames } from '../../src/project/tool.ts'
import { makeProject } from '../support/project.ts'

type Row = [ToolName, string, Record<string, string | object>, { by: string; migrations: string }]

const dependsOn = (...names: string[]) => ({
  'package.json': { devDependencies: Object.fromEntries(names.map((name) => [name, '*'])) },
})

const rows: Row[] = [
  [
    'supabase',
    'its configuration',
    { 'supabase/config.toml': '' },
    { by: 'supabase/config.toml', migrations: 'supabase/migrations' },
  ],
  [
    'supabase',
    'its migrations alone',
    { 'supabase/migrations/': '' },
    { by: 'supabase/migrations', migrations: 'supabase/migrations' },
  ],
  [
    'supabase',
    'its command line',
    dependsOn('supabase'),
    { by: 'supabase', migrations: 'supabase/migrations' },
  ],
  [
    'prisma',
    'its schema',
    { 'prisma/schema.prisma': '' },
    { by: 'prisma/schema.prisma', migrations: 'prisma/migrations' },
  ],
  [
    'prisma',
    'a schema elsewhere',
    { 'package.json': { prisma: { schema: './db/schema.prisma' } } },
    { by: 'db/schema.prisma', migrations: 'db/migrations' },
  ],
  [
    'prisma',
    'a schema that its configuration names',
    { 'prisma.config.ts': "export default { schema: 'db/main.prisma' }" },
    { by: 'db/main.prisma', migrations: 'db/migrations' },
  ],
  [
    'prisma',
    'its client',
    dependsOn('@prisma/client'),
    { by: '@prisma/client', migrations: 'prisma/migrations' },
  ],
  [
    'drizzle',
    'its configuration',
    { 'drizzle.config.ts': "export default defineConfig({ out: './src/db/out', dialect: 'postgresql' })" },
    { by: 'drizzle.config.ts', migrations: 'src/db/out' },
  ],
  [
    'drizzle',
    'a configuration in JSON',
    { 'drizzle.config.json': '{ "out": "./out" }' },
    { by: 'drizzle.config.json', migrations: 'out' },
  ],
  [
    'drizzle',
    'its default directory',
    { 'drizzle.config.ts': 'export default {}' },
    { by: 'drizzle.config.ts', migrations: 'drizzle' },
  ],
  ['drizzle', 'its kit', dependsOn('drizzle-kit'), { by: 'drizzle-kit', migrations: 'drizzle' }],
  [
    'knex',
    'its file',
    { 'knexfile.js': "module.exports = { migrations: { directory: './db/migrations/' } }" },
    { by: 'knexfile.js', migrations: 'db/migrations' },
  ],
  [
    'knex',
    'a file without a directory',
    { 'knexfile.ts': 'export default {}' },
    { by: 'knexfile.ts', migrations: 'migrations' },
  ],
  ['knex', 'package.json', dependsOn('knex'), { by: 'knex', migrations: 'migrations' }],
  [
    'typeorm',
    'its data source',
    { 'src/data-source.ts': "import { DataSource } from 'typeorm'", 'src/migration/': '' },
    { by: 'src/data-source.ts', migrations: 'src/migration' },
  ],
  [
    'typeorm',
    'its older configuration',
    { 'ormconfig.json': '{}' },
    { by: 'ormconfig.json', migrations: 'src/migrations' },
  ],
  ['typeorm', 'package.json', dependsOn('typeorm'), { by: 'typeorm', migrations: 'src/migrations' }],
  [
    'mikroorm',
    'its configuration',
    { 'src/mikro-orm.config.ts': "export default { migrations: { path: 'dist/m', pathTs: 'src/m' } }" },
    { by: 'src/mikro-orm.config.ts', migrations: 'src/m' },
  ],
  [
    'mikroorm',
    'package.json',
    dependsOn('@mikro-orm/core'),
    { by: '@mikro-orm/core', migrations: 'migrations' },
  ],
  [
    'kysely',
    'its configuration',
    { 'kysely.config.ts': "export default { migrations: { migrationFolder: 'db/m' } }" },
    { by: 'kysely.config.ts', migrations: 'db/m' },
  ],
  ['kysely', 'package.json', dependsOn('kysely'), { by: 'kysely', migrations: 'migrations' }],
  [
    'node-pg-migrate',
    'package.json',
    dependsOn('node-pg-migrate'),
    { by: 'node-pg-migrate in package.json', migrations: 'migrations' },
  ],
  [
    'node-pg-migrate',
    'a script with its directory',
    { 'package.json': { scripts: { 'db:up': 'node-pg-migrate up -m db/migrations' } } },
    { by: 'the script db:up of package.json', migrations: 'db/migrations' },
  ],
  [
    'graphile',
    'its configuration',
    { '.gmrc': '{ "migrationsFolder": "./db/migrations" }' },
    { by: '.gmrc', migrations: 'db/migrations' },
  ],
  [
    'graphile',
    'package.json',
    dependsOn('graphile-migrate'),
    { by: 'graphile-migrate', migrations: 'migrations' },
  ],
  [
    'dbmate',
    'one of its files',
    { 'db/migrations/1_a.sql': '-- migrate:up\nSELECT 1;' },
    { by: 'db/migrations/1_a.sql', migrations: 'db/migrations' },
  ],
  [
    'dbmate',
    'its directory in .env',
    { '.env': 'DBMATE_MIGRATIONS_DIR="./sql"' },
    { by: '.env', migrations: 'sql' },
  ],
  ['dbmate', 'package.json', dependsOn('dbmate'), { by: 'dbmate', migrations: 'db/migrations' }],
  ['flyway', 'its configuration', { 'flyway.toml': '' }, { by: 'flyway.toml', migrations: 'sql' }],
  [
    'flyway',
    'its files',
    { 'src/main/resources/db/migration/V1_2__a.sql': '' },
    { by: 'src/main/resources/db/migration', migrations: 'src/main/resources/db/migration' },
  ],
  [
    'sqitch',
    'its plan',
    { 'sqitch.plan': '', 'sqitch.conf': '' },
    { by: 'sqitch.plan', migrations: 'deploy' },
  ],
]

test.each(rows)('%s is recognised by %s', (name, _, files, expected) => {
  using project = makeProject(files)
  expect(recogniseTools(project).map(({ name, by, migrations }) => ({ name, by, migrations }))).toEqual([
    { name, ...expected },
  ])
})

test('the table has every tool', () => {
  expect(new Set(rows.map(([name]) => name))).toEqual(new Set(toolNames))
})

test('a project without a tool has none', () => {
  using project = makeProject({
    'package.json': { dependencies: { pg: '*' } },
    'migrations/20260101000000000_create-a.ts': '',
    'sql/schema.sql': '',
    'src/data-source.ts': 'export {}',
  })
  expect(recogniseTools(project)).toEqual([])
})

test('a tool that package.json alone names does not count beside one with files', () => {
  using project = makeProject({ 'prisma/schema.prisma': '', ...dependsOn('prisma', 'kysely') })
  expect(recogniseTools(project).map(({ name }) => name)).toEqual(['prisma'])
})

test('two tools with files are both named', () => {
  using project = makeProject({ 'prisma/schema.prisma': '', 'knexfile.js': '' })
  expect(recogniseTools(project).map(({ name }) => name)).toEqual(['prisma', 'knex'])
})

test('a package.json that is none is named', () => {
  expect(() => makeProject({ 'package.json': '{' })).toThrow(/package\.json is not a package\.json/)
})
