import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './freePort.ts'
import { startGuardian } from './guardian.ts'
import { serverAccount } from './serverAccount.ts'
import { makeServerDirectory } from './serverDirectory.ts'

/** A throw-away Redis on this machine, which keeps nothing when it is started again. */
export interface RedisServer {
  url: string
  port: number
  /** Ends the process at once; `start` uses the same port. */
  kill(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

/** Starts redis-server on a free port; it ends with `stop` or with our process. */
export async function startRedis(program: string): Promise<RedisServer> {
  const account = serverAccount()
  const folder = makeServerDirectory(account)
  const pidFile = join(folder, 'redis.pid')
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const guardian = startGuardian(folder, ['sh', '-c', `kill -9 $(cat ${pidFile})`], account)
  let child: ChildProcess | undefined
  const server: RedisServer = {
    url,
    port,
    async start() {
      const settings = {
        port: `${port}`,
        bind: '127.0.0.1',
        dir: folder,
        pidfile: pidFile,
        save: '',
        appendonly: 'no',
      }
      const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
      child = spawn(program, args, { ...account, cwd: '/', stdio: 'ignore' })
      await untilItAnswers(url)
    },
    async kill() {
      const dying = child
      child = undefined
      if (!dying || dying.exitCode !== null) return
      const ended = once(dying, 'exit')
      dying.kill('SIGKILL')
      await ended
    },
    async stop() {
      await server.kill()
      await guardian.clearUp()
    },
  }
  await server.start()
  return server
}

async function untilItAnswers(url: string): Promise<void> {
  const redis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: 500 })
  redis.on('error', () => undefined)
  try {
    await redis.ping()
  } finally {
    redis.disconnect()
  }
}
