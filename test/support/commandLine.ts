import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../scripts/hundredfold.mjs', import.meta.url))

export interface CommandResult {
  exitCode: number | null
  out: string
  err: string
}

/** Runs the program as a user does, in a process of its own, without the database settings of this one. */
export function runCommand(
  args: string[],
  options: { environment?: Record<string, string>; directory?: string } = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: options.directory,
    env: { PATH: process.env['PATH'], NO_COLOR: '1', ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  return new Promise((resolve) => child.on('close', (exitCode) => resolve({ exitCode, out, err })))
}
