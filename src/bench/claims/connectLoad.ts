import { Client } from 'pg'

/** What the clients of this process do. */
export interface ConnectLoad {
  /** Each client connects, asks once and disconnects, in a loop; or all connect at once and keep asking. */
  kind: 'perRequest' | 'atOnce'
  url: string
  clients: number
  /** How long clients do the same before anything counts: a process that has just started is slow. */
  warmUpMs: number
  /** How long the measurement takes. */
  ms: number
  sql: string
}

/** What the clients saw. */
export interface ConnectReport {
  /** Requests answered. */
  served: number
  /** Clients that were answered at least once. */
  servedClients: number
  /** Connections or requests that failed. */
  failed: number
  /** Different messages, at most three. */
  failures: string[]
}

/** A process of its own that runs the clients of a server or a pool, so that nothing else delays them. */
async function run({ kind, url, clients, warmUpMs, ms, sql }: ConnectLoad): Promise<ConnectReport> {
  const report: ConnectReport = { served: 0, servedClients: 0, failed: 0, failures: [] }
  const start = performance.now() + warmUpMs
  const end = start + ms
  const failedWith = (error: unknown): void => {
    report.failed += 1
    report.failures.push(error instanceof Error ? error.message : String(error))
  }
  const visit = async (requests: (client: Client) => Promise<void>): Promise<void> => {
    const client = new Client({ connectionString: url, application_name: 'load' })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await requests(client)
    } catch (error) {
      failedWith(error)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  const ask = async (client: Client): Promise<void> => {
    await client.query(sql)
    const now = performance.now()
    if (now >= start && now < end) report.served += 1
  }
  await Promise.all(
    Array.from({ length: clients }, async () => {
      let answered = 0
      if (kind === 'perRequest') {
        while (performance.now() < end) await visit(ask)
        return
      }
      await visit(async (client) => {
        do {
          await ask(client)
          answered += 1
          if (answered === 1) report.servedClients += 1
          await new Promise((resolve) => setTimeout(resolve, 20))
        } while (performance.now() < end)
      })
    }),
  )
  return { ...report, failures: [...new Set(report.failures)].slice(0, 3) }
}

process.once('message', (load: ConnectLoad) => {
  void run(load).then((report) => {
    process.send?.(report satisfies ConnectReport)
    process.disconnect()
  })
})
