import { Command } from 'commander'
import { compareReports } from '../diagnose/compare.ts'
import { readReport } from '../diagnose/readReport.ts'
import { exitCodes } from '../errors.ts'
import { comparisonMarkdown } from '../report/comparison/markdown.ts'
import { comparisonPage } from '../report/comparison/page.ts'
import { comparisonText } from '../report/comparison/text.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { CommandContext } from './context.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

interface CompareCommandOptions extends OutputOptions {
  markdown?: string
  html?: string
  failOnRegression?: boolean
}

/** `compare`: what became of the findings between two reports. */
export function compareCommand({ terminal, finish }: CommandContext): Command {
  return new Command('compare')
    .argument('<before>', 'folder of the earlier report, or its report.json')
    .argument('<after>', 'the later one')
    .option('--json <file>', 'write the comparison as JSON; - for standard output')
    .option('--markdown <file>', 'write it as Markdown, for a pull request')
    .option('--html <file>', 'write it as one HTML file, with bars')
    .option('--fail-on-regression', 'end with 4 if something got worse')
    .addHelpText(
      'after',
      `
Examples:
  $ npm run -s hundredfold -- compare diagnostics-20261123-060000 diagnostics-20261124-060000
  $ npm run -s hundredfold -- compare before after --fail-on-regression --html comparison.html

A regression is a new warning or error, a finding that grew, or a metric that was met and no longer is. Counters are only
subtracted where nobody reset them in between.
`,
    )
    .action(async (before: string, after: string, options: CompareCommandOptions) => {
      const comparison = compareReports(await readReport(before), await readReport(after))
      await writeJson(terminal, options, 'compare', comparison)
      if (options.markdown !== undefined)
        await writeWholeFile(options.markdown, comparisonMarkdown(comparison))
      if (options.html !== undefined) await writeWholeFile(options.html, comparisonPage(comparison))
      peopleLine(terminal, options)(comparisonText(comparison))
      const failed = options.failOnRegression === true && comparison.regressions.length > 0
      finish(failed ? exitCodes.drift : exitCodes.done)
    })
}
