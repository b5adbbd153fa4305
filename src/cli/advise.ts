import { Command } from 'commander'
import type { ClientBase } from 'pg'
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
import { NotSeen } from '../catalog/notSeen.ts'
import { longestText, readStatements } from '../catalog/statements.ts'
import { sessionUrl } from '../config.ts'
import { UsageError, exitCodes } from '../errors.ts'
import { connect } from '../postgres/connect.ts'
import { borrow } from '../postgres/database.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { adviceDocument } from '../report/advice.ts'
import { adviceLines } from '../report/adviceText.ts'
import type { Explained } from '../report/explanation.ts'
import { explainedDocument, explainedLines } from '../report/explanation.ts'
import { advicePage } from '../report/advicePage.ts'
import { countedStatements } from '../workload/countedStatements.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { CommandContext } from './context.ts'
import { parseDuration } from './options.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'
import { stepProgress } from './stepProgress.ts'
import type { Terminal } from './terminal.ts'
import { parseBytes, readWorkload } from './workloadOptions.ts'

interface CommandOptions extends OutputOptions {
  workload?: string
  budget?: number
  timeLimit: number
  explain?: string
  html?: string
}

/** `advise`: which indexes a workload wants, from statistics alone. The database is only read. */
export function adviseCommand({ config, terminal, finish }: CommandContext): Command {
  return new Command('advise')
    .option('--workload <file>', 'statements with calls, roles and arguments; pg_stat_statements without it')
    .option('--budget <bytes>', 'what new indexes may take together, such as 500MB', parseBytes)
    .option('--time-limit <time>', 'for the choice; what is best by then is taken', parseDuration, 20_000)
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
      const client = await connect(sessionUrl(config))
      const stop = () => void client.end().catch(() => undefined)
      terminal.signal.addEventListener('abort', stop, { once: true })
      try {
        const { workload, hours } =
          options.workload === undefined
            ? await readCounted(client)
            : { workload: await readWorkload(options.workload), hours: undefined }
        if (workload.length === 0) {
          throw new UsageError(
            'The workload is empty.',
            'Give a file with --workload, or wait until statements were counted.',
          )
        }
        let explained: Explained | undefined
        let plans = new Map<PlannedStatement, BothPlans>()
        const advice = await advise(client, workload, {
          timeLimit: options.timeLimit / 1000,
          ...(options.budget === undefined ? {} : { budget: options.budget }),
          inspect: async (found, whatIf) => {
            if (options.explain !== undefined) {
              explained = await explain(found, { whatIf, text: options.explain, terminal })
            }
            if (options.html !== undefined) plans = await planBothWays(whatIf, found.decision)
          },
          signal: terminal.signal,
          onStep: stepProgress(terminal),
        })
        terminal.progress('')
        // The choice itself cannot be interrupted.
        terminal.signal.throwIfAborted()
        const document = { ...adviceDocument(advice), ...(explained && explainedDocument(explained, advice)) }
        await writeJson(terminal, options, 'advise', document)
        if (options.html !== undefined)
          await writeWholeFile(options.html, advicePage(advice, { plans, takenAt: new Date() }))
        const print = peopleLine(terminal, options)
        const lines = explained ? explainedLines(explained, advice, hours) : adviceLines(advice)
        for (const line of lines) print(line)
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

/** The statements that the server counts, and for how many hours it has. */
async function readCounted(
  client: ClientBase,
): Promise<{ workload: WorkloadStatement[]; hours: number | undefined }> {
  try {
    const { statements, countedSince } = await readOnly(client, () => readStatements(borrow(client)))
    const hours = countedSince ? (Date.now() - countedSince.getTime()) / 3_600_000 : undefined
    return { workload: countedStatements(statements, longestText), hours }
  } catch (error) {
    if (!(error instanceof NotSeen)) throw error
    throw new UsageError(
      `There is no workload: ${error.message}.`,
      'Give a file of statements with --workload.',
    )
  }
}
