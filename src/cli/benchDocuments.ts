import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { CasaoraRows } from '../bench/casaora/load.ts'
import type { BenchResult } from '../bench/result.ts'
import { benchMarkdown, growthMarkdown, howMarkdown } from '../bench/benchMarkdown.ts'
import { writeWholeFile } from '../wholeFile.ts'
import { lastRun } from './benchHistory.ts'

const sizes: CasaoraRows[] = ['small', 'medium', 'large']

/** Writes the results of this run and of the last whole ones of the other sizes, and how the cost grows. */
export async function writeResults(file: string, result: BenchResult): Promise<void> {
  const runs: BenchResult[] = []
  for (const size of sizes) {
    const run = size === result.size ? result : await lastRun(size, { whole: true })
    if (run) runs.push(run)
  }
  const parts = runs.flatMap((run) => [
    `## ${title(run.size)}`,
    benchMarkdown(run),
    '### How',
    howMarkdown(run.rows),
  ])
  const growth = runs.slice(1).flatMap((run, index) => {
    const smaller = runs[index] as BenchResult
    return [
      `## From ${smaller.size} to ${run.size}`,
      'Ten times the rows. What has to read a table grows with it; what an index answers hardly does.',
      growthMarkdown(smaller, run),
    ]
  })
  const text = ['# Results', 'Written by `npm run bench -- --results docs/results.md`.', ...parts, ...growth]
  await mkdir(dirname(file), { recursive: true })
  await writeWholeFile(file, `${text.join('\n\n')}\n`)
}

function title(size: string): string {
  return `${size[0]?.toUpperCase() ?? ''}${size.slice(1)}`
}
