import { Command } from 'commander'
import { advise } from '../advisor/advise.ts'
import { sessionUrl } from '../config.ts'
import { exitCodes } from '../errors.ts'
import { connect } from '../postgres/connect.ts'
import { adviceDocument, adviceLines } from '../report/advice.ts'
import type { CommandContext } from './context.ts'
import { parseDuration } from './options.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'
import type { WorkloadOptions } from './workloadOptions.ts'
import { parseBytes, refuseCompleteWithoutFile, workloadOf } from './workloadOptions.ts'

interface CommandOptions extends OutputOptions, WorkloadOptions {
  budget?: number
  timeLimit: number
  complete?: boolean
  sample?: true
}

/** `advise`: which indexes a workload wants, from statistics alone. The database is only read. */
export function adviseCommand({ config, terminal, finish }: CommandContext): Command {
  return new Command('advise')
    .option('--workload <file>', 'statements with calls, roles and arguments; pg_stat_statements without it')
    .option('--keep-counts <file>', 'write what pg_stat_statements has counted, for a later --since')
    .option('--since <file>', 'only what ran since that file was written with --keep-counts')
    .option('--budget <bytes>', 'what new indexes may take together, such as 500MB', parseBytes)
    .option(
      '--time-limit <time>',
      'for planning and choosing; what is best by then is taken',
      parseDuration,
      120_000,
    )
    .option('--complete', 'there are no other statements: what none of them needs may go')
    .option('--sample', 'count samples of rows on the server too, to find columns that hang together')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold advise --workload workload.sql
  $ npx hundredfold advise --budget 500MB --json advice.json
  $ npx hundredfold advise --since monday.json --keep-counts tuesday.json

Everything is planned in a throw-away PostgreSQL with the schema, the statistics and the sizes of yours, and none
of its rows. The role needs SELECT on the tables, and BYPASSRLS where they have row-level security: otherwise
pg_stats hides their statistics.
`,
    )
    .action(async (options: CommandOptions) => {
      refuseCompleteWithoutFile(options)
      const client = await connect(sessionUrl(config))
      const stop = () => void client.end().catch(() => undefined)
      terminal.signal.addEventListener('abort', stop, { once: true })
      try {
        const workload = await workloadOf(client, options)
        const chosen = await advise(client, workload.statements, {
          timeLimit: options.timeLimit / 1000,
          complete: options.complete === true,
          ...(options.budget === undefined ? {} : { budget: options.budget }),
          ...(options.sample ? { sample: true } : {}),
          onStep: (text) => terminal.progress(text),
        })
        const advice = {
          ...chosen,
          leftOut: [...workload.leftOut, ...chosen.leftOut],
          unsure: [...workload.unsure, ...chosen.unsure],
        }
        terminal.progress('')
        await writeJson(terminal, options, 'advise', adviceDocument(advice))
        const print = peopleLine(terminal, options)
        for (const line of adviceLines(advice)) print(line)
        if (options.budget === 0) print('With a budget of zero nothing is built: only drops are listed.')
      } finally {
        terminal.progress('')
        terminal.signal.removeEventListener('abort', stop)
        await client.end().catch(() => undefined)
      }
      finish(exitCodes.done)
    })
}
