import { once } from 'node:events'
import { forkBeside } from '../forkBeside.ts'

/** Settings of a load. */
export interface LoadSettings {
  url: string
  clients: number
  /** Each client sends these transactions in turn; each is a list of statements. */
  transactions: string[][]
  /** How long a client pauses between two transactions. */
  pauseMs: number
}

/** What the clients saw. */
export interface LoadReport {
  transactions: number
  /** How many of each of the transactions were committed, in their order. */
  committed: number[]
  failed: number
  /** The longest transaction of any client. */
  worstMs: number
  /** 99 of 100 transactions took no longer. */
  p99Ms: number
  /** Different messages of failed transactions, at most five. */
  failures: string[]
}

export type LoadMessage = LoadReport

/** Runs `work` while clients load the database, and returns what they saw meanwhile. */
export async function underLoad<T>(
  settings: LoadSettings,
  work: () => Promise<T>,
): Promise<{ result: T; load: LoadReport }> {
  const child = forkBeside(import.meta.url, 'loadProcess')
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
