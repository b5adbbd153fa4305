import { Command } from 'commander'
import type { ClientBase } from 'pg'
import { advise } from '../advisor/advise.ts'
import { NotSeen } from '../catalog/notSeen.ts'
import { longestText, readStatements } from '../catalog/statements.ts'
import { sessionUrl } from '../config.ts'
import { UsageError, exitCodes } from '../errors.ts'
import { connect } from '../postgres/connect.ts'
import { borrow } from '../postgres/database.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { adviceDocument, adviceLines } from '../report/advice.ts'
import { countedStatements } from '../workload/countedStatements.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { CommandContext } from './context.ts'
import { parseDuration } from './options.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'
import { parseBytes, readWorkload } from './workloadOptions.ts'

interface CommandOptions extends OutputOptions {
  workload?: string
  budget?: number
  timeLimit: number
}

/** `advise`: which indexes a workload wants, from statistics alone. The database is only read. */
export function adviseCommand({ config, terminal, finish }: CommandContext): Command {
  return new Command('advise')
    .option('--workload <file>', 'statements with calls, roles and arguments; pg_stat_statements without it')
    .option('--budget <bytes>', 'what new indexes may take together, such as 500MB', parseBytes)
    .option(
      '--time-limit <time>',
      'for planning and choosing; what is best by then is taken',
      parseDuration,
      120_000,
    )
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold advise --workload workload.sql
  $ npx hundredfold advise --budget 500MB --json advice.json

Everything is planned in a throw-away PostgreSQL with the schema, the statistics and the sizes of yours, and none
of its rows. The role needs SELECT on the tables, and BYPASSRLS where they have row-level security: otherwise
pg_stats hides their statistics.
`,
    )
    .action(async (options: CommandOptions) => {
      const client = await connect(sessionUrl(config))
      const stop = () => void client.end().catch(() => undefined)
      terminal.signal.addEventListener('abort', stop, { once: true })
      try {
        const workload =
          options.workload === undefined ? await readCounted(client) : await readWorkload(options.workload)
        if (workload.length === 0) {
          throw new UsageError(
            'The workload is empty.',
            'Give a file with --workload, or wait until statements were counted.',
          )
        }
        const advice = await advise(client, workload, {
          timeLimit: options.timeLimit / 1000,
          ...(options.budget === undefined ? {} : { budget: options.budget }),
          onStep: (text) => terminal.progress(text),
        })
        terminal.progress('')
        await writeJson(terminal, options, 'advise', adviceDocument(advice))
        const print = peopleLine(terminal, options)
        for (const line of adviceLines(advice)) print(line)
      } finally {
        terminal.progress('')
        terminal.signal.removeEventListener('abort', stop)
        await client.end().catch(() => undefined)
      }
      finish(exitCodes.done)
    })
}

async function readCounted(client: ClientBase): Promise<WorkloadStatement[]> {
  try {
    const { statements } = await readOnly(client, () => readStatements(borrow(client)))
    return countedStatements(statements, longestText)
  } catch (error) {
    if (!(error instanceof NotSeen)) throw error
    throw new UsageError(
      `There is no workload: ${error.message}.`,
      'Give a file of statements with --workload.',
    )
  }
}
