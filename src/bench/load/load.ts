import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What the load is made of. */
export interface LoadSettings {
  url: string
  clients: number
  /** Each client sends these transactions in turn; every one is a list of statements. */
  transactions: string[][]
  /** What a client waits between two transactions. */
  pauseMs: number
}

/** What the clients saw. */
export interface LoadReport {
  transactions: number
  failed: number
  /** The longest transaction of any client. */
  worstMs: number
  /** Different messages of failed transactions, at most five. */
  failures: string[]
}

export type LoadMessage = LoadReport

/** Runs `work` while clients load the database, and tells what they saw meanwhile. */
export async function underLoad<T>(
  settings: LoadSettings,
  work: () => Promise<T>,
): Promise<{ result: T; load: LoadReport }> {
  const child = fork(fileURLToPath(new URL('loadProcess.ts', import.meta.url)), {
    execArgv: ['--import', import.meta.resolve('tsx')],
  })
  try {
    child.send(settings)
    const result = await work()
    const report = once(child, 'message')
    child.send('stop')
    const [load] = (await report) as [LoadReport]
    return { result, load }
  } finally {
    if (child.connected) child.kill()
  }
}
