import { Client } from 'pg'
import type { LoadMessage, LoadReport, LoadSettings } from './load.ts'

/**
 * The process that puts a database under load: short transactions from several sessions at once, until it is told to
 * stop. It is a process of its own, so that the runner's work does not delay the clients.
 */
async function run(settings: LoadSettings): Promise<LoadReport> {
  let stopped = false
  process.on('message', () => (stopped = true))
  const totals: LoadReport = {
    ...{ transactions: 0, failed: 0, worstMs: 0, p99Ms: 0, failures: [] },
    committed: settings.transactions.map(() => 0),
  }
  const times: number[] = []
  await Promise.all(
    Array.from({ length: settings.clients }, async (_, number) => {
      const client = new Client({ connectionString: settings.url, application_name: 'load' })
      client.on('error', () => undefined)
      await client.connect()
      for (let turn = number; !stopped; turn += 1) {
        const kind = turn % settings.transactions.length
        const statements = settings.transactions[kind] ?? []
        const started = performance.now()
        try {
          await client.query(`BEGIN;${statements.join(';')};COMMIT`)
          totals.committed[kind] = (totals.committed[kind] ?? 0) + 1
        } catch (error) {
          totals.failed += 1
          totals.failures.push(error instanceof Error ? error.message : String(error))
          await client.query('ROLLBACK').catch(() => undefined)
        }
        totals.transactions += 1
        times.push(performance.now() - started)
        await new Promise((resolve) => setTimeout(resolve, settings.pauseMs))
      }
      await client.end()
    }),
  )
  times.sort((one, other) => one - other)
  totals.worstMs = times.at(-1) ?? 0
  totals.p99Ms = times[Math.ceil(times.length * 0.99) - 1] ?? 0
  return { ...totals, failures: [...new Set(totals.failures)].slice(0, 5) }
}

process.once('message', (settings: LoadSettings) => {
  void run(settings).then((report) => {
    process.send?.(report satisfies LoadMessage)
    process.disconnect()
  })
})
