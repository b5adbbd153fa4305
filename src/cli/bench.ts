import { Command } from 'commander'
import { accuracyBench } from '../bench/advise/accuracyBench.ts'
import { peersBench } from '../bench/advise/peersBench.ts'
import type { Bench } from '../bench/bench.ts'
import { bloatBench } from '../bench/bloat/bloatBench.ts'
import { chooseBenches } from '../bench/bench.ts'
import type { CasaoraRows } from '../bench/casaora/load.ts'
import { cacheBesideTtlBench } from '../bench/cache/cacheBesideTtlBench.ts'
import { cacheTriggersBench } from '../bench/cache/cacheTriggersBench.ts'
import { cachedBench } from '../bench/cache/cachedBench.ts'
import { claimsBench } from '../bench/claims/claimsBench.ts'
import { deployBench } from '../bench/deployBench.ts'
import { partitionBesideBench } from '../bench/partition/partitionBesideBench.ts'
import { partitionCopyBench } from '../bench/partition/partitionCopyBench.ts'
import { partitionLoadBench } from '../bench/partition/partitionLoadBench.ts'
import { diagnoseBench } from '../bench/diagnoseBench.ts'
import { gainBench } from '../bench/gainBench.ts'
import { describeMachine } from '../bench/measuredOn.ts'
import type { BenchResult } from '../bench/result.ts'
import { monitorCostBench } from '../bench/monitorCostBench.ts'
import { partitionBench } from '../bench/partition/partitionBench.ts'
import { policiesBench } from '../bench/policiesBench.ts'
import { politeLocksBench } from '../bench/politeLocksBench.ts'
import { rlsBench } from '../bench/rlsBench.ts'
import { rlsNineBench } from '../bench/rlsNineBench.ts'
import { runnerBench } from '../bench/runnerBench.ts'
import { startupBench } from '../bench/startupBench.ts'
import { adviseScaleBench } from '../bench/advise/scaleBench.ts'
import { tpchBench } from '../bench/advise/tpchBench.ts'
import { UsageError, exitCodes } from '../errors.ts'
import { benchComparison } from '../bench/benchComparison.ts'
import { benchTable } from '../bench/benchTable.ts'
import { writeResults } from './benchDocuments.ts'
import { keepRun, lastRun, readRun } from './benchHistory.ts'
import type { CommandContext } from './context.ts'
import { rowsOption } from './options.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

/** Every bench there is. */
export const benches: readonly Bench[] = [
  claimsBench,
  bloatBench,
  deployBench,
  partitionLoadBench,
  partitionCopyBench,
  partitionBesideBench,
  politeLocksBench,
  policiesBench,
  rlsBench,
  rlsNineBench,
  runnerBench,
  startupBench,
  diagnoseBench,
  gainBench,
  tpchBench,
  adviseScaleBench,
  accuracyBench,
  peersBench,
  partitionBench,
  cachedBench,
  cacheBesideTtlBench,
  cacheTriggersBench,
  monitorCostBench,
]

interface BenchCommandOptions extends OutputOptions {
  only?: string[]
  rows: CasaoraRows
  from?: string
  results?: string
}

/** `bench`: what is promised, measured before and after in one run. */
export function benchCommand({ config, terminal, finish }: CommandContext): Command {
  return new Command('bench')
    .option('--only <id...>', `only these benches or rows: ${listIds().join(', ')}`)
    .addOption(rowsOption())
    .option('--json <file>', 'write the rows as JSON; - for standard output')
    .option('--from <file>', 'measure nothing: take the bench.json of an earlier run')
    .option('--results <file>', 'write this run and the last ones of other sizes, and how the cost grows')
    .addHelpText(
      'after',
      `
Every run is kept beneath .bench/ as a page, JSON, Markdown and a chart, and compared with the last one of its size.

Examples:
  $ npm run bench
  $ npm run bench -- --only writes pooling --json writes.json
  $ npm run bench -- --rows medium --results docs/results.md
  $ npm run bench -- --from .bench/20261124-153000-small/bench.json --results docs/results.md
`,
    )
    .action(async (options: BenchCommandOptions) => {
      const print = peopleLine(terminal, options)
      const last = options.from ? undefined : await lastRun(options.rows)
      const result = options.from ? await readRun(options.from) : await measureAll(options)
      const folder = options.from ? undefined : await keepRun(result)
      await writeJson(terminal, options, 'bench', result)
      print(benchTable(result.rows))
      for (const { id, how } of result.rows) if (how) print(`${id}: ${how}`)
      for (const { id, reason } of result.skipped) print(`${id}: skipped, ${reason}`)
      if (last) for (const line of benchComparison(last, result)) print(line)
      if (folder) print(`Kept in ${folder}: bench.html is the page, beside bench.json, bench.md, bench.svg.`)
      if (options.results) await writeResults(options.results, result)
      finish(result.rows.every(({ met }) => met) ? exitCodes.done : exitCodes.conditionFailed)
    })

  async function measureAll(options: BenchCommandOptions): Promise<BenchResult> {
    const print = peopleLine(terminal, options)
    const only = options.only?.flatMap((ids) => ids.split(','))
    const result: BenchResult = {
      takenAt: new Date().toISOString(),
      size: options.rows,
      measuredOn: describeMachine(undefined),
      rows: [],
      skipped: [],
    }
    for (const { bench, ...wanted } of select(only)) {
      print(bench.title)
      result.rows.push(
        ...(await bench.run({
          config,
          rows: options.rows,
          ...wanted,
          signal: terminal.signal,
          onStep: (step) => terminal.progress(`  ${step}`),
          onServer: (version) => (result.measuredOn = describeMachine(version)),
          onSkip: (id, reason) => result.skipped.push({ id, reason }),
        })),
      )
      // So that what is measured is not lost with a bench that fails.
      await keepRun(result)
    }
    terminal.progress('')
    return result
  }
}

/** The benches that are named, or that produce a row that is named; all of them where nothing is. */
function select(only: string[] | undefined): ReturnType<typeof chooseBenches> {
  for (const id of only ?? []) {
    if (chooseBenches(benches, [id]).length > 0) continue
    throw new UsageError(`There is no bench or row called ${id}.`, `There are: ${listIds().join(', ')}.`)
  }
  return chooseBenches(benches, only)
}

function listIds(): string[] {
  return [...new Set(benches.flatMap((bench) => [bench.id, ...(bench.rowIds ?? [])]))]
}
