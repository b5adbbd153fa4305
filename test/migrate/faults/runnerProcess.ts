import { connect } from '../../../src/postgres/connect.ts'
import { down } from '../../../src/migrate/down.ts'
import type { Migration } from '../../../src/migrate/migration.ts'
import { redo } from '../../../src/migrate/redo.ts'
import { defaultRunOptions } from '../../../src/migrate/runOptions.ts'
import { up } from '../../../src/migrate/up.ts'
import type { Answer, Job, Outcome } from './runners.ts'
import { withoutProofs } from '../../support/withoutProofs.ts'

const commands = { up, down, redo }

/** What a process does that runs migrations on several databases at once, until somebody kills it. */
export function runJobs(migrations: Migration[]): void {
  const all = withoutProofs(migrations)
  process.on('message', (job: Job) => {
    void run(job, all)
      .catch((error: unknown): Outcome => ({ ran: [], failure: String(error) }))
      .then((outcome) => process.send?.({ id: job.id, outcome } satisfies Answer))
  })
  process.send?.('ready')
}

async function run({ url, command, target }: Job, migrations: Migration[]): Promise<Outcome> {
  const client = await connect(url, { connectTimeoutMs: 60_000 })
  try {
    const { ran, failure } = await commands[command](migrations, target, { ...defaultRunOptions, client })
    return { ran: ran.map(({ name }) => name), ...(failure ? { failure: failure.message } : {}) }
  } finally {
    await client.end().catch(() => undefined)
  }
}
