import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { connect } from '../../src/postgres/connect.ts'
import { runDown, runUp } from '../migrate/run.ts'
import { startWireProxy } from '../support/wireProxy.ts'

const program = fileURLToPath(new URL('../../scripts/hundredfold.mjs', import.meta.url))

export interface Midway {
  database: { name: string; ownerUrl: string; superuserUrl: string }
  directory: string
  command: 'up' | 'down'
  /** The request during which the run is struck, and which of those that match. */
  at: RegExp
  count?: number
  /** Lets the request go on to where it is wanted, and holds it up there. */
  holdUp: HoldUp
  /** Ends the session from the server's side, or the process with SIGKILL. */
  end: 'session' | 'process'
}

export type HoldUp = (sessions: { blocker: Client; looker: Client; goOn: () => void }) => Promise<void>

/** Holds the request up by a lock that statements take. */
export function byLock(statements: string): HoldUp {
  return async ({ blocker, looker, goOn }) => {
    await blocker.query(`BEGIN; ${statements}`)
    goOn()
    await untilHeldUp(looker)
  }
}

/** Runs until the server is in the middle of a request, held up by a lock, and ends the run there. */
export async function strikeMidway(midway: Midway): Promise<void> {
  const { database, directory, command, at, count = 1, holdUp, end } = midway
  const proxy = await startWireProxy(database.ownerUrl)
  const blocker = await connect(database.superuserUrl, { applicationName: 'test' })
  const looker = await connect(database.superuserUrl, { applicationName: 'test' })
  const run = end === 'process' ? runProcess(proxy.url(database.ownerUrl), directory, command) : undefined
  try {
    let seen = 0
    const struck = new Promise<void>((resolve, reject) => {
      proxy.onRequest = ({ sql, pass }) => {
        if (!at.test(sql) || (seen += 1) !== count) return
        // Only until it is passed: where it gives up waiting, the runner sends it again.
        return new Promise<void>((letGo) => {
          const goOn = () => (pass(), letGo())
          holdUp({ blocker, looker, goOn })
            .then(() => (run ? run.kill() : terminate(looker)))
            .then(resolve, reject)
        })
      }
    })
    const ended = run?.ended ?? runHere(proxy.url(database.ownerUrl), directory, command)
    const isOver = ended.then(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      throw new Error(`${command} ended, and was not struck at ${String(at)}`)
    })
    await Promise.race([struck, isOver])
    isOver.catch(() => undefined)
    await ended
    await blocker.query('ROLLBACK')
    // A server whose client is gone notices it when it has something to say.
    await untilGone(looker)
  } finally {
    await proxy.close()
    await Promise.all([blocker.end(), looker.end()])
  }
}

async function runHere(url: string, directory: string, command: 'up' | 'down'): Promise<void> {
  const client = await connect(url)
  const run = command === 'up' ? runUp : runDown
  await run(client, directory).catch(() => undefined)
  await client.end().catch(() => undefined)
}

function runProcess(url: string, directory: string, command: 'up' | 'down') {
  const count = command === 'down' ? ['99'] : []
  const child = spawn(process.execPath, [program, 'migrate', command, ...count, '--dir', directory], {
    env: { PATH: process.env['PATH'], NO_COLOR: '1', DIRECT_URL: url },
    stdio: 'ignore',
  })
  const ended = once(child, 'close')
  return {
    ended,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

const runners = `FROM pg_stat_activity WHERE application_name = 'hundredfold' AND datname = current_database()`

async function terminate(looker: Client): Promise<void> {
  await looker.query(`SELECT pg_terminate_backend(pid) ${runners}`)
}

async function untilHeldUp(looker: Client): Promise<void> {
  const find = () => looker.query(`SELECT ${runners} AND wait_event_type = 'Lock'`)
  while ((await find()).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 2))
}

async function untilGone(looker: Client): Promise<void> {
  while ((await looker.query(`SELECT ${runners}`)).rowCount !== 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
}
