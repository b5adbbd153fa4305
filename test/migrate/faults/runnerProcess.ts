import { connect } from '../../../src/postgres/connect.ts'
import { down } from '../../../src/migrate/down.ts'
import { loadWithoutProofs } from './withoutProofs.ts'
import type { Migration } from '../../../src/migrate/migration.ts'
import { redo } from '../../../src/migrate/redo.ts'
import { defaultRunOptions } from '../../../src/migrate/runOptions.ts'
import { up } from '../../../src/migrate/up.ts'
import type { Answer, Job, Outcome } from './runners.ts'

/** A process that runs migrations on several databases at once, until somebody kills it. */
const commands = { up, down, redo }

const loaded = new Map<string, Promise<Migration[]>>()

async function run({ url, directory, command, target }: Job): Promise<Outcome> {
  const load = loaded.get(directory) ?? loadWithoutProofs(directory)
  loaded.set(directory, load)
  const migrations = await load
  const client = await connect(url, { connectTimeoutMs: 60_000 })
  try {
    const { ran, failure } = await commands[command](migrations, target, { ...defaultRunOptions, client })
    return { ran: ran.map(({ name }) => name), ...(failure ? { failure: failure.message } : {}) }
  } finally {
    await client.end().catch(() => undefined)
  }
}

process.on('message', (job: Job) => {
  void run(job)
    .catch((error: unknown): Outcome => ({ ran: [], failure: String(error) }))
    .then((outcome) => process.send?.({ id: job.id, outcome } satisfies Answer))
})
process.send?.('ready')
