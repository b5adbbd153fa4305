import { createInterface } from 'node:readline/promises'
import { CommanderError, Command } from 'commander'
import pc from 'picocolors'
import { benchCommand } from './commands/bench.ts'
import { compareCommand } from './commands/compare.ts'
import type { CommandContext } from './commands/context.ts'
import { demoCommand } from './commands/demo.ts'
import { diagnoseCommand } from './commands/diagnose.ts'
import { fingerprintCommand } from './commands/fingerprint.ts'
import { migrateCommand } from './commands/migrate.ts'
import { optimizeCommand } from './commands/optimize.ts'
import type { Terminal } from './commands/terminal.ts'
import { loadConfig } from './config.ts'
import type { ExitCode } from './errors.ts'
import { HundredfoldError, UsageError, exitCodes } from './errors.ts'

/** Runs one command line and ends the process with the exit code of the table in errors.ts. */
export async function main(argv: string[]): Promise<void> {
  const interruption = new AbortController()
  const terminal = makeTerminal(interruption.signal)
  listenForSignals(interruption, terminal)
  process.exitCode = await run(argv, terminal)
  // A session or server that does not end by itself must not keep the shell waiting.
  process.exit()
}

async function run(argv: string[], terminal: Terminal): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done
  try {
    const config = loadConfig()
    refuseSwallowedDryRun(config.npmDryRun)
    const context: CommandContext = { config, terminal, finish: (code) => (exitCode = code) }
    await makeProgram(context).parseAsync(argv)
    return exitCode
  } catch (error) {
    return explain(error, terminal)
  }
}

function makeProgram(context: CommandContext): Command {
  const program = new Command('hundredfold')
    .description(
      'Makes a PostgreSQL database 10 to 100 times faster, in steps that can be reviewed, verified and taken back.',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ npm run demo              the whole way on a throw-away PostgreSQL, no database needed
  $ npm run diagnose          what is slow or unsafe in a database, and what cures it
  $ npm run migrate plan      what the pending migrations will do
  $ npm run migrate up        apply them
  $ npm run migrate down      take the newest one back

Exit codes: 0 done; 1 unexpected error; 2 a condition failed; 3 lock or time budget not met;
4 drift or regression; 5 usage or configuration.
`,
    )
  program.addCommand(demoCommand(context))
  program.addCommand(diagnoseCommand(context))
  program.addCommand(compareCommand(context))
  program.addCommand(benchCommand(context))
  program.addCommand(optimizeCommand(context))
  program.addCommand(migrateCommand(context))
  program.addCommand(fingerprintCommand(context))
  for (const command of allCommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => context.terminal.out(text),
      writeErr: (text) => context.terminal.err(text),
    })
  }
  return program
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap((child) => allCommands(child as Command))]
}

/** `npm run migrate up --dry-run` never reaches us as an option: npm keeps it, and would run for real. */
function refuseSwallowedDryRun(npmDryRun: boolean): void {
  if (!npmDryRun) return
  throw new UsageError(
    'npm kept --dry-run for itself, so the command would have run for real; nothing was run.',
    'Use `npm run migrate plan`, which shows everything and writes nothing.',
  )
}

function explain(error: unknown, terminal: Terminal): ExitCode {
  if (error instanceof CommanderError) {
    // Help and version end with 0; commander has printed the message of everything else.
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
  }
  if (error instanceof HundredfoldError) {
    terminal.err(`${pc.red('Error:')} ${error.message}\n${pc.bold('Next:')} ${error.next}\n`)
    return error.exitCode
  }
  if (terminal.signal.aborted) {
    terminal.err('Stopped. Nothing half-done is left; `migrate status` shows where everything stands.\n')
    return exitCodes.unexpected
  }
  terminal.err(
    `${pc.red('Error:')} ${error instanceof Error ? error.message : String(error)}\n` +
      `${pc.bold('Next:')} this was not expected; run the command again, and report it if it stays.\n`,
  )
  return exitCodes.unexpected
}

/** Where there is no terminal to draw on, a log gets a line now and then. */
const plainProgressEveryMs = 10_000

function makeTerminal(signal: AbortSignal): Terminal {
  let progressShown = false
  let lastLineAt = 0
  const clearProgress = () => {
    if (progressShown) process.stderr.write('\r\x1b[K')
    progressShown = false
  }
  return {
    out: (text) => {
      clearProgress()
      process.stdout.write(text)
    },
    err: (text) => {
      clearProgress()
      process.stderr.write(text)
    },
    progress: (text) => {
      clearProgress()
      if (!text) return
      if (!process.stderr.isTTY) {
        if (performance.now() - lastLineAt < plainProgressEveryMs) return
        lastLineAt = performance.now()
        process.stderr.write(`${text}\n`)
        return
      }
      process.stderr.write(text.slice(0, (process.stderr.columns || 80) - 1))
      progressShown = true
    },
    confirm: async (question) => {
      if (!process.stdin.isTTY || !process.stderr.isTTY) return true
      clearProgress()
      const prompt = createInterface({ input: process.stdin, output: process.stderr })
      try {
        return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `, { signal })).trim())
      } finally {
        prompt.close()
      }
    },
    signal,
  }
}

/** The first Ctrl-C or SIGTERM stops cleanly; a second one ends the process at once. */
function listenForSignals(interruption: AbortController, terminal: Terminal): void {
  const stop = (name: string) => {
    if (interruption.signal.aborted) process.exit(exitCodes.unexpected)
    terminal.err(`\n${name}: stopping cleanly; once more to end at once.\n`)
    interruption.abort()
  }
  process.on('SIGINT', () => stop('Ctrl-C'))
  process.on('SIGTERM', () => stop('SIGTERM'))
}
