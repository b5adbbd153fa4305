import { Command } from 'commander'
import { advise } from '../advisor/advise.ts'
import type { Advice } from '../advisor/advise.ts'
import { explainIndex } from '../advisor/explainIndex.ts'
import type { NamedIndex } from '../advisor/namedIndex.ts'
import { findNamed, likeNames } from '../advisor/namedIndex.ts'
import type { PlannedStatement } from '../advisor/plannedStatement.ts'
import type { BothPlans } from '../advisor/plansBothWays.ts'
import { planBothWays } from '../advisor/plansBothWays.ts'
import { numberIndexes } from '../advisor/savings.ts'
import { loadSolver } from '../advisor/solver.ts'
import type { WhatIf } from '../advisor/whatIf.ts'
import { sessionUrl } from '../config.ts'
import { UsageError, exitCodes } from '../errors.ts'
import { connect } from '../postgres/connect.ts'
import { adviceDocument } from '../report/advice.ts'
import { advicePage } from '../report/advicePage.ts'
import { adviceLines } from '../report/adviceText.ts'
import type { Explained } from '../report/explanation.ts'
import { explainedDocument, explainedLines } from '../report/explanation.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { CommandContext } from './context.ts'
import { parseDuration } from './options.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'
import { stepProgress } from './stepProgress.ts'
import type { Terminal } from './terminal.ts'
import type { WorkloadOptions } from './workloadOptions.ts'
import { parseBytesOf, refuseCompleteWithoutFile, workloadOf } from './workloadOptions.ts'

interface CommandOptions extends OutputOptions, WorkloadOptions {
  budget?: number
  timeLimit: number
  complete?: boolean
  sample?: true
  explain?: string
  html?: string
}

/** `advise`: which indexes a workload wants, from statistics alone. The database is only read. */
export function adviseCommand({ config, terminal, finish }: CommandContext): Command {
  return new Command('advise')
    .option('--workload <file>', 'statements with calls, roles and arguments; pg_stat_statements without it')
    .option('--keep-counts <file>', 'write what pg_stat_statements has counted, for a later --since')
    .option('--since <file>', 'only what ran since that file was written with --keep-counts')
    .option('--budget <bytes>', 'what new indexes may take together, such as 500MB', parseBytesOf('--budget'))
    .option(
      '--time-limit <time>',
      'for planning and choosing; what is best by then is taken',
      parseDuration,
      120_000,
    )
    .option('--complete', 'there are no other statements: what none of them needs may go')
    .option('--sample', 'count samples of rows on the server too, to find columns that hang together')
    .option(
      '--explain <index>',
      'say why an index is advised, dropped or not chosen: its name, its definition or its number in the table',
    )
    .option('--html <file>', 'write a page with the plans of each statement before and after')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold advise --workload workload.sql
  $ npx hundredfold advise --budget 500MB --json advice.json
  $ npx hundredfold advise --since monday.json --keep-counts tuesday.json
  $ npx hundredfold advise --workload workload.sql --html advice.html
  $ npx hundredfold advise --workload workload.sql --explain 3
  $ npx hundredfold advise --workload workload.sql --explain orders_note_idx
  $ npx hundredfold advise --workload workload.sql --explain 'orders (customer, made)'

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
        let explained: Explained | undefined
        let plans = new Map<PlannedStatement, BothPlans>()
        const chosen = await advise(client, workload.statements, {
          timeLimit: options.timeLimit / 1000,
          complete: options.complete === true,
          ...(options.budget === undefined ? {} : { budget: options.budget }),
          ...(options.sample ? { sample: true } : {}),
          inspect: async (found, whatIf) => {
            if (options.explain !== undefined) {
              explained = await explain(found, { whatIf, text: options.explain, terminal })
            }
            if (options.html !== undefined) plans = await planBothWays(whatIf, found.decision)
          },
          signal: terminal.signal,
          onStep: stepProgress(terminal),
        })
        const advice = {
          ...chosen,
          leftOut: [...workload.leftOut, ...chosen.leftOut],
          unsure: [...workload.unsure, ...chosen.unsure],
        }
        terminal.progress('')
        // The choice itself cannot be interrupted.
        terminal.signal.throwIfAborted()
        const document = { ...adviceDocument(advice), ...(explained && explainedDocument(explained, advice)) }
        await writeJson(terminal, options, 'advise', document)
        if (options.html !== undefined)
          await writeWholeFile(options.html, advicePage(advice, { plans, takenAt: new Date() }))
        const print = peopleLine(terminal, options)
        const lines = explained ? explainedLines(explained, advice, workload.hours) : adviceLines(advice)
        for (const line of lines) print(line)
        if (options.budget === 0) print('With a budget of zero nothing is built: only drops are listed.')
        if (options.html !== undefined) print(`Written to ${options.html}`)
      } finally {
        terminal.progress('')
        terminal.signal.removeEventListener('abort', stop)
        await client.end().catch(() => undefined)
      }
      finish(exitCodes.done)
    })
}

/** What `--explain` is about. */
async function explain(
  advice: Advice,
  { whatIf, text, terminal }: { whatIf: WhatIf; text: string; terminal: Terminal },
): Promise<Explained> {
  const named = findNumbered(advice, text) ?? findNamed(advice.decision, text)
  if (!named) {
    throw new UsageError(
      `No index that was looked at is called ${text}.`,
      `Give its name, its definition or its number in the table. The nearest are: ${likeNames(advice.decision, text).join('; ')}.`,
    )
  }
  if (named.kind !== 'option') return named
  terminal.progress('choosing again, without the index and with its neighbours')
  const tools = { highs: await loadSolver(), whatIf }
  return { kind: 'option', explanation: await explainIndex(tools, advice.decision, named.of) }
}

function findNumbered(advice: Advice, text: string): NamedIndex | undefined {
  const of = numberIndexes(advice).find(({ number }) => `${number}` === text.replace(/^#/, ''))
  return of && { kind: 'option', of }
}
