import { Command, Option } from 'commander'
import type { Client } from 'pg'
import { findNamedTable } from '../catalog/namedTable.ts'
import { sessionUrl } from '../config.ts'
import { HundredfoldError, UsageError, exitCodes, messageOf } from '../errors.ts'
import type { Hours } from '../migrate/hours.ts'
import { hoursText, isWithin, untilHoursBegin } from '../migrate/hours.ts'
import { chooseActions, tablesFor, wantsWindow } from '../operate/bloat/chooseActions.ts'
import type { BloatSurvey } from '../operate/bloat/findBloat.ts'
import { findBloat } from '../operate/bloat/findBloat.ts'
import { findShortage } from '../operate/bloat/freeDisk.ts'
import type { RemedyKind } from '../operate/bloat/remedy.ts'
import type { Outcome } from '../operate/bloat/runActions.ts'
import { runActions } from '../operate/bloat/runActions.ts'
import { openWindow } from '../operate/bloat/window.ts'
import { connect } from '../postgres/connect.ts'
import { borrow } from '../postgres/database.ts'
import { display } from '../postgres/identifiers.ts'
import { actionLines, bloatJson, bloatText, returnedLines, shortageText } from '../report/bloat.ts'
import { duration } from '../report/units.ts'
import { confirmed } from './confirmed.ts'
import type { CommandContext } from './context.ts'
import { parseDailyHours } from './options.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'
import { parseBytesOf } from './workloadOptions.ts'

interface CommandOptions extends OutputOptions {
  run?: RemedyKind
  table?: string
  window?: Hours
  freeDisk?: number
  yes?: boolean
}

/** `bloat`: how much of the tables is empty, and the remedy, carried out on request. */
export function bloatCommand(context: CommandContext): Command {
  return new Command('bloat')
    .addOption(new Option('--run <remedy>', 'carry it out').choices(['vacuum', 'reindex', 'full', 'repack']))
    .option('--table <name>', 'only this table, with its schema where that is not public')
    .option(
      '--window <hours>',
      'such as 02:00-04:00: full runs within it only, and is cancelled at its end',
      parseDailyHours,
    )
    .option(
      '--free-disk <bytes>',
      'what the server has free, where that cannot be seen from here',
      parseBytesOf('--free-disk'),
    )
    .option('--yes', 'carry it out without asking')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold bloat
  $ npx hundredfold bloat --run vacuum --yes
  $ npx hundredfold bloat --run reindex --table bookings
  $ npx hundredfold bloat --run full --table bookings --window 02:00-04:00 --yes
  $ npx hundredfold bloat --run repack --table bookings

With pgstattuple the figures are measured, without it they are estimated from statistics, and say so. vacuum gives the
space to new rows, the others give it back to the disk. Ctrl-C cancels what runs, and nothing half-done is left.
`,
    )
    .action(async (options: CommandOptions) => {
      if (options.run === 'full' && !options.window) throw wantsWindow()
      const url = sessionUrl(context.config)
      const client = await connect(url)
      const watcher = await connect(url)
      try {
        await bloat(context, { client, watcher, url }, options)
      } finally {
        context.terminal.progress('')
        await Promise.all([client, watcher].map((each) => each.end().catch(() => undefined)))
      }
    })
}

interface Sessions {
  client: Client
  watcher: Client
  url: string
}

async function bloat(context: CommandContext, sessions: Sessions, options: CommandOptions): Promise<void> {
  const { terminal, finish } = context
  const { client } = sessions
  terminal.progress('measuring')
  const survey = await chosenTables(client, await findBloat(client), options)
  terminal.progress('')
  const print = peopleLine(terminal, options)
  print(bloatText(survey, options.table !== undefined))
  const { returned, failures } =
    options.run === undefined
      ? { returned: [], failures: [] }
      : await carryOut(context, sessions, { survey, kind: options.run, options, print })
  await writeJson(terminal, options, 'bloat', bloatJson(survey, returned))
  const [first] = failures
  if (first !== undefined) throw first.error
  finish(exitCodes.done)
}

async function chosenTables(
  client: Client,
  survey: BloatSurvey,
  { table: name }: CommandOptions,
): Promise<BloatSurvey> {
  if (name === undefined) return survey
  const table = await findNamedTable(borrow(client), name)
  const tables = survey.tables.filter(
    (each) => table && each.schema === table.schema && each.name === table.name,
  )
  if (tables.length > 0) return { ...survey, tables }
  throw new UsageError(
    table
      ? `${display(table)} has no rows of its own, so it cannot be bloated.`
      : `There is no table ${name}.`,
    table
      ? 'Name one of its partitions.'
      : 'Write it as SQL would: bookings, audit.events or \'"Shop data"."Orders"\'.',
  )
}

interface Work {
  survey: BloatSurvey
  kind: RemedyKind
  options: CommandOptions
  print: (line: string) => void
}

async function carryOut(context: CommandContext, sessions: Sessions, work: Work): Promise<Outcome> {
  const { terminal, config } = context
  const { survey, kind, options, print } = work
  const outcome: Outcome = { returned: [], failures: [] }
  const wanted = { kind, isNamed: options.table !== undefined, hours: options.window }
  const tables = tablesFor(survey, wanted)
  if (tables.length === 0) {
    print(`No table needs --run ${kind}.`)
    return outcome
  }
  const shortage = await findShortage(sessions, tables, kind, options.freeDisk)
  if (shortage) {
    throw new HundredfoldError(
      exitCodes.conditionFailed,
      shortageText(shortage),
      'Make room first, or begin with a smaller table: --table NAME.',
    )
  }
  const window = openWindow(terminal.signal, options.window)
  const tools = {
    watcher: sessions.watcher,
    signal: window.signal,
    onProgress: (text: string) => terminal.progress(text),
  }
  const place = { url: sessions.url, path: config.path }
  const actions = await chooseActions(survey, tables, wanted, { tools, place })
  print('')
  if (actions.length === 0) {
    print('Its indexes are all smaller than a megabyte: nothing to rebuild.')
    return outcome
  }
  for (const action of actions) for (const line of actionLines(action, kind)) print(line)
  const question = `Run ${actions.length === 1 ? 'this' : `these ${actions.length}`}?`
  if (!(await confirmed(terminal, options, question))) return outcome
  if (options.window) await waitForWindow(context, options.window, print)
  try {
    await runActions(sessions.client, actions, window, outcome)
  } finally {
    terminal.progress('')
    for (const { action, error } of outcome.failures) print(`failed  ${action.title}: ${messageOf(error)}`)
    for (const line of returnedLines(outcome.returned)) print(line)
  }
  return outcome
}

async function waitForWindow(
  { terminal }: CommandContext,
  hours: Hours,
  print: (line: string) => void,
): Promise<void> {
  if (!isWithin(hours, new Date())) print(`Waiting for the hours ${hoursText(hours)}.`)
  await untilHoursBegin(hours, {
    signal: terminal.signal,
    onWait: (_, remainingMs) =>
      terminal.progress(`waiting for ${hoursText(hours)}: ${duration(remainingMs)} left`),
  })
}
