import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('startAndLeave.ts', import.meta.url))

test('a process that ends without stopping its server leaves nothing behind', async () => {
  const { child, dataDirectory } = await startProgram([])
  expect(await exitOf(child)).toEqual([0, null])
  await everythingIsGone(dataDirectory)
})

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'a process ended by %s leaves nothing behind',
  async (signal) => {
    const { child, dataDirectory } = await startProgram(['stay'])
    const port = Number(readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[3])
    expect(await somebodyListens(port)).toBe(true)

    child.kill(signal)
    // The signal still ends the process by itself: no handler of ours stands in its way.
    expect(await exitOf(child)).toEqual([null, signal])
    await everythingIsGone(dataDirectory)
    expect(await somebodyListens(port)).toBe(false)
  },
)

async function startProgram(args: string[]): Promise<{ child: ChildProcess; dataDirectory: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, dataDirectory: line.toString().trim() }
}

async function exitOf(child: ChildProcess): Promise<[code: number | null, signal: string | null]> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return [child.exitCode, child.signalCode]
}

async function everythingIsGone(dataDirectory: string): Promise<void> {
  await expect.poll(() => existsSync(dirname(dataDirectory)), { timeout: 20_000 }).toBe(false)
}

async function somebodyListens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
