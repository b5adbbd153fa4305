import { Command, Option } from 'commander'
import { exitCodes } from '../errors.ts'
import type { InitPlan } from '../init/planInit.ts'
import { planInit } from '../init/planInit.ts'
import { writeInit } from '../init/writeInit.ts'
import { ProjectFiles } from '../project/projectFiles.ts'
import type { ToolName } from '../project/tool.ts'
import { toolNames } from '../project/tool.ts'
import { initPlanLines, nextLines } from '../report/initText.ts'
import { confirmed } from './confirmed.ts'
import type { CommandContext } from './context.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

interface InitCommandOptions extends OutputOptions {
  tool?: ToolName
  yes?: boolean
}

/** `init`: sets another project up. No database is asked, and what the project has stays. */
export function initCommand({ terminal, finish }: CommandContext): Command {
  return new Command('init')
    .addOption(
      new Option('--tool <name>', "the project's other migration tool, if it has several").choices(toolNames),
    )
    .option('--yes', 'write without asking')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold init                    shows what it will write, and asks
  $ npx hundredfold init --yes
  $ npx hundredfold init --tool prisma      where a project has several migration tools

It makes the directory of migrations, npm scripts, lines of .env.example and .gitignore, and a GitHub workflow. A second
run writes only what is missing. Another migration tool keeps its files and its ledger: what has run is not run again.
`,
    )
    .action(async (options: InitCommandOptions) => {
      const print = peopleLine(terminal, options)
      const plan = planInit(new ProjectFiles('.'), options.tool === undefined ? {} : { tool: options.tool })
      for (const line of initPlanLines(plan)) print(line)
      const isWritten = plan.files.length > 0 && (await confirmed(terminal, options, questionOf(plan)))
      if (isWritten) await writeInit('.', plan.files, { signal: terminal.signal })
      await writeJson(terminal, options, 'init', initDocument(plan, isWritten))
      if (plan.files.length === 0) print('Everything is in place.')
      else if (!isWritten) print('Nothing was written.')
      if (isWritten || plan.files.length === 0) for (const line of nextLines(plan)) print(line)
      finish(exitCodes.done)
    })
}

function questionOf({ files }: InitPlan): string {
  return files.length === 1 ? 'Write this file?' : `Write these ${files.length} files?`
}

function initDocument(plan: InitPlan, isWritten: boolean): object {
  const { tools, settings, packageManager, files, kept } = plan
  return {
    tools: tools.map(({ name, by, migrations }) => ({ name, by, migrations })),
    ...settings,
    packageManager: packageManager.name,
    written: isWritten ? files.map(({ path }) => ({ file: path })) : [],
    kept: kept.map(({ path, reason }) => ({ file: path, reason })),
  }
}
