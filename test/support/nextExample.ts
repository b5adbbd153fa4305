import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../src/servers/freePort.ts'
import { nextDirectory } from './engines.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const next = join(nextDirectory, 'node_modules/next/dist/bin/next')

/** A page as a browser gets it. */
export interface Page {
  status: number
  text: string
  /** Whether Next took it from its cache: `HIT`, `MISS`, `STALE`; null where it was rendered for this request. */
  cache: string | null
}

/** One process of the example. */
export interface NextProcess {
  /** Fails where there is no answer within a few seconds. */
  read(path: string): Promise<Page>
  stop(): Promise<void>
}

/** examples/next, built in a folder of its own. */
export interface NextExample {
  start(environment: Record<string, string>): Promise<NextProcess>
  remove(): Promise<void>
}

/**
 * Builds examples/next. The folder lies beside the installed Next.js, since its bundler takes no module from elsewhere;
 * `hundredfold` is this checkout, `pg` and `ioredis` are what it has installed.
 */
export async function buildNextExample(environment: Record<string, string>): Promise<NextExample> {
  // It takes what a package holds, and sources may have changed since.
  execFileSync(process.execPath, [join(checkout, 'scripts/package.mjs')])
  const directory = await mkdtemp(join(nextDirectory, 'example-'))
  await cp(join(checkout, 'examples/next'), directory, { recursive: true })
  await mkdir(join(directory, 'node_modules'))
  await symlink(checkout, join(directory, 'node_modules/hundredfold'))
  let output = ''
  const building = run(directory, ['build'], environment, (text) => (output += text))
  const [code] = (await once(building, 'exit')) as [number | null]
  if (code !== 0) {
    await rm(directory, { recursive: true })
    throw new Error(`next build ended with ${code}:\n${output}`)
  }
  return {
    start: (own) => startProcess(directory, own),
    remove: () => rm(directory, { recursive: true }),
  }
}

async function startProcess(directory: string, environment: Record<string, string>): Promise<NextProcess> {
  const port = await freePort()
  let output = ''
  const child = run(
    directory,
    ['start', '--hostname', '127.0.0.1', '--port', `${port}`],
    { PORT: `${port}`, ...environment },
    (text) => (output += text),
  )
  const read = async (path: string): Promise<Page> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(10_000) })
    return {
      status: response.status,
      text: await response.text(),
      cache: response.headers.get('x-nextjs-cache'),
    }
  }
  const ended = once(child, 'exit')
  const deadline = performance.now() + 30_000
  for (;;) {
    if (
      await read('/').then(
        () => true,
        () => false,
      )
    )
      break
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`next start does not answer:\n${output}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    read,
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function run(
  directory: string,
  args: string[],
  environment: Record<string, string>,
  hear: (text: string) => void,
): ChildProcess {
  const child = spawn(process.execPath, [next, ...args], {
    cwd: directory,
    env: { PATH: process.env['PATH'], NEXT_TELEMETRY_DISABLED: '1', ...environment } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => hear(chunk.toString()))
  return child
}
