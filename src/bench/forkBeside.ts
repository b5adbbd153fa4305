import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Runs a module in a process of its own. It lies beside `moduleUrl`, and is compiled if that module is. */
export function forkBeside(moduleUrl: string, name: string): ChildProcess {
  const extension = extname(moduleUrl)
  return fork(fileURLToPath(new URL(`${name}${extension}`, moduleUrl)), {
    execArgv: extension === '.ts' ? ['--import', import.meta.resolve('tsx')] : [],
  })
}
