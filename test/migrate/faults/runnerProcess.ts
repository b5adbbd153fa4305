import { connect } from '../../../src/db/connect.ts'
import { down } from '../../../src/migrate/down.ts'
import { loadMigrations } from '../../../src/migrate/loadMigrations.ts'
import { redo } from '../../../src/migrate/redo.ts'
import { defaultRunOptions } from '../../../src/migrate/runOptions.ts'
import { up } from '../../../src/migrate/up.ts'
import type { Job } from './runners.ts'

/** A process that runs migrations on several databases at once, until somebody kills it. */
const commands = { up, down, redo }

async function run({ id, url, directory, command, target }: Job): Promise<void> {
  const client = await connect(url)
  try {
    await commands[command](await loadMigrations(directory), target, { ...defaultRunOptions, client })
  } finally {
    await client.end().catch(() => undefined)
    process.send?.(id)
  }
}

process.on('message', (job: Job) => void run(job).catch(() => undefined))
process.send?.('ready')
