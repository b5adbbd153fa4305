import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { casaoraServer } from '../bench/casaora/database.ts'
import type { CasaoraRows } from '../bench/casaora/load.ts'
import { runDemo } from '../bench/demo.ts'
import type { PartitionDemo } from '../bench/demoPartitions.ts'
import { exitCodes, messageOf } from '../errors.ts'
import { benchTable } from '../bench/benchTable.ts'
import { countLevels } from '../report/diagnosis/summary.ts'
import type { PartitionJudgement } from '../partition/judge.ts'
import { display } from '../postgres/identifiers.ts'
import { partitionChangeLines, partitionJudgementJson } from '../report/partitionJudgement.ts'
import { eventText } from '../report/runText.ts'
import { provideServer } from '../servers/provideServer.ts'
import { stampOf, writeFolder } from '../report/diagnosis/folder.ts'
import { diagnosisPage } from '../report/diagnosis/page.ts'
import type { DiagnosisReport } from '../diagnose/report.ts'
import type { Plan } from '../migrate/plan.ts'
import type { DemoStory } from '../bench/resultPage.ts'
import { demoPage } from '../bench/resultPage.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { CommandContext } from './context.ts'
import { rowsOption } from './options.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'
import { waitForSignal } from './waitForSignal.ts'

interface DemoCommandOptions extends OutputOptions {
  rows: CasaoraRows
  keep?: boolean
  partition?: boolean
}

/** `demo`: the whole way on a throw-away PostgreSQL. */
export function demoCommand({ config, terminal, finish }: CommandContext): Command {
  return new Command('demo')
    .addOption(rowsOption())
    .option('--keep', 'keep the server running afterwards, until Ctrl-C')
    .option('--partition', 'partition two tables while clients use them, and make them tables again')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npm run demo
  $ npm run demo -- --rows medium
  $ npm run demo -- --partition             a few minutes more
  $ npm run -s hundredfold -- demo --json -
`,
    )
    .action(async (options: DemoCommandOptions) => {
      const print = peopleLine(terminal, options)
      print('Starting a throw-away PostgreSQL')
      const server = await provideServer(config, casaoraServer)
      const reports: DiagnosisReport[] = []
      let plan: Plan | undefined
      try {
        const { result, database } = await runDemo(server, {
          rows: options.rows,
          ...(options.partition ? { partition: true } : {}),
          signal: terminal.signal,
          onStage: print,
          onStep: (step) => terminal.progress(`  ${step}`),
          onEvent: (event) => {
            const line =
              event.kind === 'done' && event.ran.direction === 'down' ? undefined : eventText(event)
            if (line) print(`  ${line}`)
          },
          onDiagnosis: (report) => {
            reports.push(report)
            print(`  Findings: ${countLevels(report.findings)}`)
          },
          onOptimized: ({ groups, choice, advice }) =>
            print(
              `  ${groups.length} files for ${choice.cures.length} findings` +
                (advice
                  ? `; ${advice.indexes.length} indexes for ${advice.statements.length} statements, no better choice by more than ${(advice.gap * 100).toFixed(2)} %`
                  : ''),
            ),
          onJudged: (judgement) => printJudgement(print, judgement),
          onNews: (text) => print(`  ${text}`),
          onPlan: (made) => {
            plan = made
            const proven = made.migrations.filter(({ reversible }) => reversible)
            print(`  ${made.migrations.length} planned in a shadow, ${proven.length} proven to be reversible`)
          },
        })
        terminal.progress('')
        const { rows, findings, partition, reversible } = result
        await writeJson(terminal, options, 'demo', {
          ...{ rows, findings, reversible },
          ...(partition ? { partition: partitionJson(partition) } : {}),
        })
        print(`\n${benchTable(rows)}`)
        print(`\nFindings: ${findings.before} before, ${findings.after} after.`)
        if (partition) print(partitionLine(partition))
        print(
          reversible
            ? `${result.applied} migrations applied and taken back: the schema is exactly as it was.`
            : 'The schema is not as it was before the migrations.',
        )
        const [before, after] = reports
        if (before && after && plan) {
          print(await keepDemo({ rows, before, after, plan, reversible }))
        }
        print('Next: set DIRECT_URL to your own database (see .env.example), then `npm run migrate status`.')
        if (options.keep) {
          print(`\nThe owner's URL is in ${await keepUrl(database.ownerUrl)}; the server stops at Ctrl-C.`)
          await waitForSignal(terminal.signal)
        }
        const good = reversible && rows.every((row) => row.met)
        finish(good ? exitCodes.done : exitCodes.conditionFailed)
        if (server.kind !== 'embedded') await database.drop()
      } finally {
        await server.stop()
      }
    })
}

function printJudgement(print: (line: string) => void, judgement: PartitionJudgement): void {
  const { worthwhile, foretelling } = judgement
  print(`  ${display(foretelling.keyed.table)}: ${worthwhile ? 'it pays' : 'it does not pay at this size'}`)
  for (const line of partitionChangeLines(judgement)) print(line.replaceAll(/^/gm, '    '))
}

/** The judgements as the command partition writes them. */
function partitionJson({ judgements, ...rest }: PartitionDemo): object {
  return { tables: judgements.map(partitionJudgementJson), ...rest }
}

function partitionLine({ migrations, added, made, clients, lost }: PartitionDemo): string {
  const reports = Object.values(clients)
  const sum = (of: 'transactions' | 'failed') => reports.reduce((total, each) => total + each[of], 0)
  const news = added.reduce((total, { rows }) => total + rows, 0)
  const kept = lost.length === 0 ? 'no row is lost or there twice' : `not as told: ${lost.join(', ')}`
  return (
    `${migrations} migrations partitioned ${added.length} tables and took it back, with ${news} new rows and ` +
    `${made.length} more partitions in between: ${sum('failed')} of ${sum('transactions')} transactions failed, ${kept}.`
  )
}

/** Keeps the pages of a demo as `.demo/20261124-153000/`; says where, or why it cannot. */
async function keepDemo(story: DemoStory): Promise<string> {
  const folder = join('.demo', stampOf(new Date(story.before.takenAt)))
  try {
    await writeFolder(folder, {
      'demo.html': demoPage(story),
      'before.html': diagnosisPage(story.before),
      'after.html': diagnosisPage(story.after),
    })
  } catch (error) {
    return `No page: ${messageOf(error)}`
  }
  return `The same as a page, with both reports and the SQL of every migration: ${join(folder, 'demo.html')}`
}

/** A URL holds a password, so it goes into a file that only this user can read, and never to the screen. */
async function keepUrl(url: string): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'hundredfold-demo-')), 'DIRECT_URL')
  await writeWholeFile(file, `${url}\n`, { mode: 0o600 })
  return file
}
