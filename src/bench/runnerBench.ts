import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runner } from 'node-pg-migrate'
import { connect } from '../postgres/connect.ts'
import { quote } from '../postgres/identifiers.ts'
import { loadMigrations } from '../migrate/loadMigrations.ts'
import { defaultRunOptions } from '../migrate/runOptions.ts'
import { up } from '../migrate/up.ts'
import { provideServer } from '../servers/provideServer.ts'
import type { Server } from '../servers/server.ts'
import type { Bench } from './bench.ts'
import { median } from '../median.ts'
import { benchRow } from './bench.ts'

const count = 20
const rounds = 15
const atMost = 1.2

/** The cost of conditions, ledger and locks: twenty trivial migrations run by us and by plain node-pg-migrate. */
export const runnerBench: Bench = {
  id: 'runner',
  title: 'Cost of the runner',
  async run({ config, onStep }) {
    const server = await provideServer(config)
    try {
      const plain: number[] = []
      const withConditions: number[] = []
      // The first round loads modules, once per process, and is not counted.
      for (let round = 0; round <= rounds; round += 1) {
        onStep(`round ${round} of ${rounds}`)
        plain.push(await timeOn(server, runPlain))
        withConditions.push(await timeOn(server, runOurs))
      }
      const before = median(plain.slice(1))
      const after = median(withConditions.slice(1))
      return [
        benchRow({
          id: 'runner',
          title: `${count} trivial migrations: plain node-pg-migrate, then migrate up`,
          claim: `at most ${atMost} times as long`,
          before,
          after,
          unit: 'ms',
          met: after <= atMost * before,
          how: `files loaded, connection, lock, ledger and statements; median of ${rounds} rounds in turn, a new database each; the start of the process is not counted`,
        }),
      ]
    } finally {
      await server.stop()
    }
  },
}

async function runPlain(url: string, directory: string): Promise<void> {
  // We open the session on both sides: one that node-pg-migrate opens may outlive the run for a moment.
  const client = await connect(url)
  try {
    await runner({
      dbClient: client,
      dir: directory,
      direction: 'up',
      migrationsTable: 'pgmigrations',
      log: () => undefined,
    })
  } finally {
    await client.end()
  }
}

async function runOurs(url: string, directory: string): Promise<void> {
  const client = await connect(url)
  try {
    const { failure } = await up(await loadMigrations(directory), {}, { ...defaultRunOptions, client })
    if (failure) throw failure
  } finally {
    await client.end()
  }
}

/** Times one run on a new database with new files, so that nothing is cached from the round before. */
async function timeOn(
  server: Server,
  run: (url: string, directory: string) => Promise<void>,
): Promise<number> {
  const name = `bench_${randomBytes(4).toString('hex')}`
  const directory = await mkdtemp(join(tmpdir(), 'hundredfold-bench-'))
  const client = await connect(server.url())
  try {
    for (let number = 0; number < count; number += 1) {
      const file = `202601010000000${String(number).padStart(2, '0')}_create-table.mjs`
      await writeFile(join(directory, file), migration(number))
    }
    await client.query(`CREATE DATABASE ${quote(name)}`)
    const started = performance.now()
    await run(server.url(name), directory)
    return performance.now() - started
  } finally {
    await client.query(`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`)
    await client.end()
    await rm(directory, { recursive: true })
  }
}

function migration(number: number): string {
  return `export function up(pgm) { pgm.sql('CREATE TABLE public.bench_${number} (id int)') }
export function down(pgm) { pgm.sql('DROP TABLE public.bench_${number}') }
`
}
