import { advise } from '../../advisor/advise.ts'
import { connect } from '../../postgres/connect.ts'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import type { ServerUse } from './ownServers.ts'
import { watchOwnServers } from './ownServers.ts'

/** What the process is to do. */
export interface AdviseOrder {
  url: string
  workload: WorkloadStatement[]
}

/** What it says: where it is, and at last how it went. */
export type AdviseMessage = { step: string } | { outcome: AdviseOutcome } | { failure: string }

export interface AdviseOutcome {
  /** Of `advise` alone: the schema, its statistics, candidates, planning and choice. */
  ms: number
  /** Processor time of this process, in milliseconds. */
  cpuMs: number
  /** The most memory that this process held, in bytes. */
  peakBytes: number
  /** Of the shadow; absent where the system does not tell. */
  server?: ServerUse | undefined
  indexes: number
  leftOut: number
  gap: number
  cost: { before: number; after: number }
}

/** `advise` in a process of its own: the memory of the bench itself does not count. */
async function run({ url, workload }: AdviseOrder): Promise<AdviseOutcome> {
  const client = await connect(url)
  try {
    const endWatch = watchOwnServers()
    const start = performance.now()
    const cpu = process.cpuUsage()
    const { indexes, leftOut, gap, cost } = await advise(client, workload, {
      onStep: (step) => tell({ step }),
    })
    const { user, system } = process.cpuUsage(cpu)
    return {
      ms: performance.now() - start,
      cpuMs: (user + system) / 1000,
      peakBytes: process.resourceUsage().maxRSS * 1024,
      server: endWatch(),
      indexes: indexes.length,
      leftOut: leftOut.length,
      gap,
      cost,
    }
  } finally {
    await client.end()
  }
}

function tell(message: AdviseMessage): void {
  process.send?.(message)
}

process.once('message', (order: AdviseOrder) => {
  void run(order)
    .then((outcome) => tell({ outcome }))
    .catch((error: unknown) => tell({ failure: error instanceof Error ? error.message : String(error) }))
    .finally(() => process.disconnect())
})
