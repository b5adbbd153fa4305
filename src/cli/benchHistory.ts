import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { CasaoraRows } from '../bench/casaora/load.ts'
import type { BenchResult } from '../bench/result.ts'
import { UsageError } from '../errors.ts'
import { benchChart } from '../bench/benchChart.ts'
import { benchMarkdown, howMarkdown } from '../bench/benchMarkdown.ts'
import { benchPage } from '../bench/resultPage.ts'
import { stampOf } from '../report/diagnosis/folder.ts'
import { jsonDocument } from '../report/jsonDocument.ts'
import { writeWholeFile } from '../wholeFile.ts'

/** Where runs are kept, beneath the working directory; git ignores it. */
const history = '.bench'

/** Keeps a run as `.bench/20261124-153000-small/` with bench.json, bench.md, bench.svg and bench.html; returns the folder. */
export async function keepRun(result: BenchResult): Promise<string> {
  const folder = join(history, `${stampOf(new Date(result.takenAt))}-${result.size}`)
  await mkdir(folder, { recursive: true })
  await writeWholeFile(join(folder, 'bench.json'), jsonDocument('bench', result))
  await writeWholeFile(
    join(folder, 'bench.md'),
    `# Bench\n\n${benchMarkdown(result)}\n\n${howMarkdown(result.rows)}\n\n![How many times better](bench.svg)\n`,
  )
  await writeWholeFile(join(folder, 'bench.svg'), benchChart(result.rows))
  await writeWholeFile(join(folder, 'bench.html'), benchPage(result))
  return folder
}

/** The newest run of that size that is kept, if any; `whole` ones have the row `overall`. */
export async function lastRun(
  size: CasaoraRows,
  options: { whole?: boolean } = {},
): Promise<BenchResult | undefined> {
  if (!existsSync(history)) return undefined
  const folders = (await readdir(history)).filter((name) => name.endsWith(`-${size}`)).sort()
  for (const folder of folders.reverse()) {
    const file = join(history, folder, 'bench.json')
    if (!existsSync(file)) continue
    const result = await readRun(file)
    if (!options.whole || result.rows.some(({ id }) => id === 'overall')) return result
  }
  return undefined
}

/** Reads a `bench.json`. */
export async function readRun(file: string): Promise<BenchResult> {
  const read = JSON.parse(await readFile(file, 'utf8')) as Partial<BenchResult> & { command?: string }
  if (read.command === 'bench' && read.rows && read.size && read.takenAt && read.measuredOn) {
    return { ...(read as BenchResult), skipped: read.skipped ?? [] }
  }
  throw new UsageError(`${file} is no result of a bench.`, 'Name the bench.json of a run beneath .bench/.')
}
