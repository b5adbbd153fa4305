import { execFileSync, spawnSync } from 'node:child_process'
import {
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
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestDatabase } from './support/database.ts'
import { createDatabase } from './support/database.ts'

const checkout = fileURLToPath(new URL('..', import.meta.url))
const { version, dependencies } = readManifest(checkout)

let database: TestDatabase
let place: string

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  place = realpathSync(mkdtempSync(join(tmpdir(), 'install-')))
  execFileSync('npm', ['pack', '--pack-destination', place], { cwd: checkout, stdio: 'ignore' })
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
}

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest
}

/** Unpacks the package beneath `place` as npm would, with what it depends on and nothing else beside it. */
function install(name: string, as: string): void {
  const modules = join(place, name, 'node_modules')
  const own = join(modules, 'hundredfold')
  mkdirSync(modules, { recursive: true })
  cpSync(join(place, 'package'), own, { recursive: true })
  writeFileSync(join(own, 'package.json'), JSON.stringify({ ...readManifest(own), version: as }))
  for (const dependency of Object.keys(dependencies)) {
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
  test('has compiled code and its types, and neither sources nor tests', () => {
    const own = join(place, 'package')
    expect(readdirSync(own).sort()).toEqual(
      ['LICENSE', 'README.md', 'dist', 'migrations', 'package.json', 'scripts'].sort(),
    )
    expect(readdirSync(join(own, 'dist'))).toEqual(
      expect.arrayContaining(['index.js', 'index.js.map', 'index.d.ts']),
    )
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

  test('has types for the migrations that it writes', () => {
    const directory = join(place, 'project/typed')
    run('project', directory, 'migrate', 'new', 'create-an-index')
    const compiler = join(checkout, 'node_modules/typescript/bin/tsc')
    const file = join(directory, 'migrations', readdirSync(join(directory, 'migrations'))[0] ?? '')
    const { stdout } = spawnSync(
      process.execPath,
      [
        ...[compiler, '--noEmit', '--strict', '--skipLibCheck'],
        ...['--module', 'nodenext', '--target', 'es2023', file],
      ],
      { cwd: directory, encoding: 'utf8' },
    )
    expect(stdout).toBe('')
  })
})

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
