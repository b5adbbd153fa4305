import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Runs a module that lies beside another one in a process of its own, compiled or not, as that one is. */
export function forkBeside(moduleUrl: string, name: string): ChildProcess {
  const extension = extname(moduleUrl)
  return fork(fileURLToPath(new URL(`${name}${extension}`, moduleUrl)), {
    execArgv: extension === '.ts' ? ['--import', import.meta.resolve('tsx')] : [],
  })
}
