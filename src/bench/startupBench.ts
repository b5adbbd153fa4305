import { execFileSync, spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { calmMean } from '../partition/calmMean.ts'
import { provideServer } from '../servers/provideServer.ts'
import type { Bench, BenchContext } from './bench.ts'
import { benchRow } from './bench.ts'
import type { BenchRow } from './row.ts'

const rounds = 21
const atMost = 1.1
const files = 10

const theirs = join(
  dirname(createRequire(import.meta.url).resolve('node-pg-migrate/package.json')),
  'bin/node-pg-migrate.js',
)
const checkout = fileURLToPath(new URL('../..', import.meta.url))

/** The time to start the program: a whole `--help`, and a look at the ledger, of plain node-pg-migrate and of ours. */
export const startupBench: Bench = {
  id: 'startup',
  title: 'Start of the program',
  rowIds: ['startup', 'startup_status'],
  async run({ config, only, onStep }) {
    const wants = (id: string) => only === undefined || only.includes('startup') || only.includes(id)
    const place = await mkdtemp(join(tmpdir(), 'startup-'))
    try {
      onStep('packing the program')
      const ours = await install(place)
      return [
        ...(wants('startup') ? [compareHelp(ours, onStep)] : []),
        ...(wants('startup_status') ? [await compareStatus(ours, { config, onStep, place })] : []),
      ]
    } finally {
      await rm(place, { recursive: true })
    }
  },
}

/** The program as the package has it, without a checkout around it. */
async function install(place: string): Promise<string> {
  execFileSync(process.execPath, [join(checkout, 'scripts/package.mjs')], { stdio: 'ignore' })
  for (const part of ['lib', 'scripts', 'package.json'])
    await cp(join(checkout, part), join(place, part), { recursive: true })
  await symlink(join(checkout, 'node_modules'), join(place, 'node_modules'))
  return join(place, 'scripts/hundredfold.mjs')
}

function compareHelp(ours: string, onStep: (text: string) => void): BenchRow {
  return compare('startup', '--help: plain node-pg-migrate, then hundredfold', onStep, {
    plain: () => timeRun(theirs, ['--help']),
    own: () => timeRun(ours, ['--help']),
  })
}

async function compareStatus(
  ours: string,
  { config, onStep, place }: Pick<BenchContext, 'config' | 'onStep'> & { place: string },
): Promise<BenchRow> {
  const server = await provideServer(config)
  try {
    const directory = join(place, 'migrations')
    await writeMigrations(directory)
    const environment = { DATABASE_URL: server.url(), DIRECT_URL: server.url() }
    const up = ['up', '--migrations-dir', directory]
    // Everything is applied before the first round that counts, by each in its own ledger.
    timeRun(theirs, up, environment)
    timeRun(ours, ['migrate', 'up', '--dir', directory], environment)
    const title = `${files} applied TypeScript files: node-pg-migrate up, which has nothing to do, then migrate status`
    return compare('startup_status', title, onStep, {
      plain: () => timeRun(theirs, up, environment),
      own: () => timeRun(ours, ['migrate', 'status', '--dir', directory], environment),
    })
  } finally {
    await server.stop()
  }
}

function compare(
  id: string,
  title: string,
  onStep: (text: string) => void,
  { plain, own }: { plain: () => number; own: () => number },
): BenchRow {
  const times: { plain: number[]; own: number[] } = { plain: [], own: [] }
  // The first round compiles what has changed and fills the disk's cache; it is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    onStep(`${id}, round ${round} of ${rounds}`)
    times.plain.push(plain())
    times.own.push(own())
  }
  const [before, after] = [calmMean(times.plain.slice(1)), calmMean(times.own.slice(1))]
  return benchRow({
    ...{ id, title, before, after, unit: 'ms', met: after <= atMost * before },
    claim: `at most ${atMost} times as long`,
    how: `the whole process, Node itself included; mean of the quicker half of ${rounds} runs in turn`,
  })
}

async function writeMigrations(directory: string): Promise<void> {
  await mkdir(directory)
  for (let at = 1; at <= files; at += 1) {
    const number = `20260101000000${String(at).padStart(3, '0')}`
    await writeFile(
      join(directory, `${number}_comment-${at}.ts`),
      `import type { MigrationBuilder } from 'node-pg-migrate'
export function up(pgm: MigrationBuilder): void { pgm.sql('SELECT ${at}') }
export function down(pgm: MigrationBuilder): void { pgm.sql('SELECT ${at}') }
`,
    )
  }
}

function timeRun(program: string, args: string[], environment: Record<string, string> = {}): number {
  const started = performance.now()
  const { status, stderr } = spawnSync(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    // The settings of a project in which the bench is started are not of these processes.
    ...(Object.keys(environment).length === 0 ? {} : { env: environment, cwd: tmpdir() }),
  })
  if (status !== 0) throw new Error(`${program} ${args[0] ?? ''} ended with ${status}: ${stderr}`)
  return performance.now() - started
}
