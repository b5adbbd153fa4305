import { isatty } from 'node:tty'
import { CommanderError, Command } from 'commander'
import pc from 'picocolors'
import { confirm } from './cli/confirm.ts'
import type { CommandContext } from './cli/context.ts'
import { commands } from './cli/list.ts'
import type { StandardStream } from './cli/standardStream.ts'
import { standardStream } from './cli/standardStream.ts'
import type { Terminal } from './cli/terminal.ts'
import type { ExitCode } from './errors.ts'
import { HundredfoldError, UsageError, exitCodes, messageOf } from './errors.ts'

interface Streams {
  out: StandardStream
  err: StandardStream
}

/** Runs one command line and ends the process with the exit code of the table in errors.ts. */
export async function main(argv: string[]): Promise<void> {
  const interruption = new AbortController()
  const streams: Streams = {
    out: standardStream(process.stdout, 'standard output'),
    err: standardStream(process.stderr, 'standard error'),
  }
  const terminal = makeTerminal(interruption.signal, streams)
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor))
  const stopListening = listenForSignals(interruption, terminal)
  const ofTheWork = await runCommandLine(argv, terminal)
  // Only printing is left, and its reader may be slow: from here on a signal ends the process at once.
  stopListening()
  process.exitCode = await flush(streams, terminal, ofTheWork)
  // Node resets the terminal on exit and aborts if the terminal is gone: end as the signal alone would have ended it.
  if (terminals.some((descriptor) => !isatty(descriptor))) process.kill(process.pid, 'SIGHUP')
  // A session or server that does not end by itself must not keep the shell waiting.
  else process.exit()
}

/** Waits until everything that was printed has been read; what cannot be printed is an error. */
async function flush({ out, err }: Streams, terminal: Terminal, exitCode: ExitCode): Promise<ExitCode> {
  try {
    await out.flush()
    await err.flush()
    return exitCode
  } catch (error) {
    const explained = explain(error, terminal)
    await err.flush().catch(() => undefined)
    return explained
  }
}

/** Runs one command line on a terminal, without the process around it: no signal is listened for, and nothing exits. */
export async function runCommandLine(
  argv: string[],
  terminal: Terminal,
  environment?: NodeJS.ProcessEnv,
): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done
  try {
    const program = await makeProgram(argv, async () =>
      makeContext(terminal, environment, (code) => (exitCode = code)),
    )
    for (const command of allCommands(program)) {
      command.exitOverride().configureOutput({
        writeOut: (text) => terminal.out(text),
        writeErr: (text) => terminal.err(text),
      })
    }
    await program.parseAsync(argv)
    return exitCode
  } catch (error) {
    return explain(error, terminal)
  }
}

/** The program with the called command in full; the other commands have only a name and a description, for the help. */
async function makeProgram(argv: string[], context: () => Promise<CommandContext>): Promise<Command> {
  const program = new Command('hundredfold')
    .description(
      'Makes a PostgreSQL database 10 to 100 times faster, in steps that can be reviewed, verified and taken back.',
    )
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpText(
      'after',
      `
Examples:
  $ npm run demo              everything in one run on a throw-away PostgreSQL, no database needed
  $ npm run diagnose          what is slow or unsafe in a database, and how to fix it
  $ npm run migrate plan      what the pending migrations will do
  $ npm run migrate up        apply them
  $ npm run migrate down      take the newest one back

Exit codes: 0 done; 1 unexpected error; 2 a condition failed; 3 lock or time budget not met;
4 drift or regression; 5 usage or configuration.
`,
    )
  const called = calledCommand(argv)
  for (const { name, description, load } of commands) {
    const command = name === called ? (await load())(await context()) : new Command(name)
    program.addCommand(command.description(description))
  }
  return program
}

/** The command that the command line is about: `migrate` in both `migrate up` and `help migrate`. */
function calledCommand(argv: string[]): string | undefined {
  const [first, second] = argv.slice(2).filter((argument) => !argument.startsWith('-'))
  return first === 'help' ? second : first
}

async function makeContext(
  terminal: Terminal,
  environment: NodeJS.ProcessEnv | undefined,
  finish: CommandContext['finish'],
): Promise<CommandContext> {
  const { loadConfig } = await import('./config.ts')
  const config = loadConfig(environment)
  refuseSwallowedDryRun(config.npmDryRun)
  return { config, terminal, finish }
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
    `${pc.red('Error:')} ${messageOf(error)}\n` +
      `${pc.bold('Next:')} this was not expected; run the command again, and report the error if it comes back.\n`,
  )
  return exitCodes.unexpected
}

/** Without a terminal, progress goes to the log: at most one line in ten seconds. */
const plainProgressEveryMs = 10_000

function makeTerminal(signal: AbortSignal, { out, err }: Streams): Terminal {
  let progressShown = false
  let lastLineAt = 0
  const clearProgress = () => {
    if (progressShown) err.write('\r\x1b[K')
    progressShown = false
  }
  const say = (text: string) => {
    clearProgress()
    err.write(text)
  }
  return {
    out: (text) => {
      clearProgress()
      out.write(text)
    },
    err: say,
    progress: (text) => {
      clearProgress()
      if (!text) return
      if (!process.stderr.isTTY) {
        if (performance.now() - lastLineAt < plainProgressEveryMs) return
        lastLineAt = performance.now()
        err.write(`${text}\n`)
        return
      }
      err.write(text.slice(0, (process.stderr.columns || 80) - 1))
      progressShown = true
    },
    confirm: (question) => {
      clearProgress()
      return confirm(question, { input: process.stdin, output: process.stderr, signal, say })
    },
    signal,
  }
}

/**
 * The first Ctrl-C or SIGTERM stops cleanly; a second one ends the process at once. Closing the terminal stops cleanly too,
 * but its second SIGHUP ends nothing: the kernel and the shell each send one. Returns a function that removes the listeners.
 */
function listenForSignals(interruption: AbortController, terminal: Terminal): () => void {
  const stop = (name: string) => {
    if (interruption.signal.aborted) process.exit(exitCodes.unexpected)
    terminal.err(`\n${name}: stopping cleanly; send it again to end at once.\n`)
    interruption.abort()
  }
  const listeners: [NodeJS.Signals, () => void][] = [
    ['SIGINT', () => stop('Ctrl-C')],
    ['SIGTERM', () => stop('SIGTERM')],
    ['SIGHUP', () => interruption.abort()],
  ]
  for (const [name, listener] of listeners) process.on(name, listener)
  return () => {
    for (const [name, listener] of listeners) process.off(name, listener)
  }
}
