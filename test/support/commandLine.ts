import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { runCommandLine } from '../../src/cli.ts'

/** The entry of the command line, for tests that start it themselves. */
export const program = fileURLToPath(new URL('../../scripts/hundredfold.mjs', import.meta.url))

export interface CommandResult {
  exitCode: number | null
  out: string
  err: string
}

interface CommandOptions {
  environment?: Record<string, string>
  directory?: string
  /** Ctrl-C, for `callCommand`. */
  signal?: AbortSignal
}

/** Runs the program as a user does, in a process of its own, without the database settings of this one. */
export function runCommand(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
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

/**
 * Does what `runCommand` does in this process, for tests of a command and not of the process around it: a start costs
 * half a second of CPU. Nobody can be asked, as far as the process that runs the tests has no terminal.
 */
export async function callCommand(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
  let out = ''
  let err = ''
  const terminal = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    progress: () => undefined,
    confirm: () => Promise.resolve(false),
    signal: options.signal ?? new AbortController().signal,
  }
  const directory = process.cwd()
  if (options.directory) process.chdir(options.directory)
  try {
    const environment = { PATH: process.env['PATH'], ...options.environment }
    const exitCode = await runCommandLine(['node', program, ...args], terminal, environment)
    return { exitCode, out, err }
  } finally {
    process.chdir(directory)
  }
}
