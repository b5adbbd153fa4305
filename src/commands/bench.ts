import { Command, Option } from 'commander'
import type { Bench } from '../bench/bench.ts'
import type { CasaoraRows } from '../bench/casaora/load.ts'
import { deployBench } from '../bench/deployBench.ts'
import type { BenchRow } from '../bench/row.ts'
import { rlsBench } from '../bench/rlsBench.ts'
import { runnerBench } from '../bench/runnerBench.ts'
import { UsageError, exitCodes } from '../errors.ts'
import { benchTable } from '../report/benchTable.ts'
import type { CommandContext } from './context.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

const benches: Bench[] = [deployBench, rlsBench, runnerBench]

interface BenchCommandOptions extends OutputOptions {
  only?: string[]
  rows: CasaoraRows
}

/** `bench`: what is promised, measured before and after in one run. */
export function benchCommand({ config, terminal, finish }: CommandContext): Command {
  return new Command('bench')
    .description('measure what is promised, before and after in one run')
    .option('--only <id...>', `only these: ${benches.map(({ id }) => id).join(', ')}`)
    .addOption(
      new Option('--rows <size>', 'how much data').choices(['small', 'medium', 'large']).default('small'),
    )
    .option('--json <file>', 'write the rows as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npm run bench
  $ npm run bench -- --only deploy --json deploy.json
`,
    )
    .action(async (options: BenchCommandOptions) => {
      const print = peopleLine(terminal, options)
      const rows: BenchRow[] = []
      for (const bench of select(options.only)) {
        print(bench.title)
        rows.push(
          ...(await bench.run({
            config,
            rows: options.rows,
            signal: terminal.signal,
            onStep: (step) => terminal.progress(`  ${step}`),
          })),
        )
      }
      terminal.progress('')
      await writeJson(terminal, options, 'bench', { rows })
      print(benchTable(rows))
      for (const { id, how } of rows) if (how) print(`${id}: ${how}`)
      finish(rows.every(({ met }) => met) ? exitCodes.done : exitCodes.conditionFailed)
    })
}

function select(only: string[] | undefined): Bench[] {
  if (!only) return benches
  const wanted = only.flatMap((ids) => ids.split(','))
  return wanted.map((id) => {
    const bench = benches.find((candidate) => candidate.id === id)
    if (bench) return bench
    throw new UsageError(
      `There is no bench called ${id}.`,
      `There are: ${benches.map((candidate) => candidate.id).join(', ')}.`,
    )
  })
}
