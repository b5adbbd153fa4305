import { Command, Option } from 'commander'
import type { Client } from 'pg'
import { findNamedTable } from '../catalog/namedTable.ts'
import { sessionUrl } from '../config.ts'
import { HundredfoldError, UsageError, exitCodes, messageOf } from '../errors.ts'
import type { Hours } from '../migrate/hours.ts'
import { hoursText, isWithin, untilHoursBegin } from '../migrate/hours.ts'
import type { BloatedTable, BloatSurvey } from '../operate/bloat/findBloat.ts'
import { findBloat } from '../operate/bloat/findBloat.ts'
import { freeDiskBytes } from '../operate/bloat/freeDisk.ts'
import { fullAction } from '../operate/bloat/full.ts'
import { reindexAction } from '../operate/bloat/reindex.ts'
import type { RemedyKind } from '../operate/bloat/remedy.ts'
import { remedyOf } from '../operate/bloat/remedy.ts'
import { findRepack, refuseWithoutSuperuser, repackAction } from '../operate/bloat/repack.ts'
import type { Returned, RewriteAction, RewriteTools } from '../operate/bloat/rewriteAction.ts'
import { vacuumAction } from '../operate/bloat/vacuum.ts'
import { connect } from '../postgres/connect.ts'
import { borrow } from '../postgres/database.ts'
import { display } from '../postgres/identifiers.ts'
import { bloatJson, bloatText, remedyLines, returnedLines } from '../report/bloat.ts'
import { bytes, duration } from '../report/units.ts'
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
      if (options.run === 'full' && !options.window) {
        throw new UsageError(
          'While a table is written anew, nobody can read or write it, so --run full wants a window.',
          'Give the hours at which that is right, such as --window 02:00-04:00; --run repack needs none.',
        )
      }
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
  if (first !== undefined) throw first
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

async function carryOut(
  context: CommandContext,
  sessions: Sessions,
  work: Work,
): Promise<{ returned: Returned[]; failures: unknown[] }> {
  const { terminal, config } = context
  const { survey, kind, options, print } = work
  const tables = tablesFor(survey, kind, options.table !== undefined)
  if (tables.length === 0) {
    print(`No table needs --run ${kind}.`)
    return { returned: [], failures: [] }
  }
  for (const table of tables) await refuseFullDisk(sessions, table, kind, options)
  const window = windowOf(terminal.signal, options.window)
  const tools: RewriteTools = {
    watcher: sessions.watcher,
    signal: window.signal,
    onProgress: (text) => terminal.progress(text),
  }
  const actions = await actionsFor(tables, { work, tools, sessions, path: config.path })
  print('')
  if (actions.length === 0) {
    print('Its indexes are all smaller than a megabyte: nothing to rebuild.')
    return { returned: [], failures: [] }
  }
  for (const { table, title, affects, sql } of actions) {
    print(title)
    for (const line of sql.split('\n')) print(`  ${line}`)
    for (const line of remedyLines(remedyOf(kind, table.space))) print(`  ${line}`)
    for (const line of affects) print(`  ${line}`)
  }
  if (
    !(await confirmed(terminal, options, `Run ${actions.length === 1 ? 'this' : `these ${actions.length}`}?`))
  ) {
    return { returned: [], failures: [] }
  }
  if (options.window) await waitForWindow(context, options.window, print)
  const returned: Returned[] = []
  const failures: unknown[] = []
  window.begin()
  try {
    for (const action of actions) {
      window.signal.throwIfAborted()
      try {
        returned.push(await action.run(sessions.client))
      } catch (error) {
        window.signal.throwIfAborted()
        print(`failed  ${action.title}: ${messageOf(error)}`)
        failures.push(error)
      }
    }
  } finally {
    window.end()
    terminal.progress('')
    for (const line of returnedLines(returned)) print(line)
  }
  return { returned, failures }
}

/** Without `--table`: where it is what is advised, or does the same in another way. */
function tablesFor({ tables }: BloatSurvey, kind: RemedyKind, isNamed: boolean): BloatedTable[] {
  if (isNamed) return tables
  const serves: Record<RemedyKind, RemedyKind[]> = {
    vacuum: ['vacuum', 'full', 'repack'],
    reindex: ['reindex'],
    full: ['full', 'repack'],
    repack: ['repack'],
  }
  return tables.filter(
    ({ remedy, facts }) => facts.isOwned && remedy !== undefined && serves[kind].includes(remedy),
  )
}

async function actionsFor(
  tables: BloatedTable[],
  place: { work: Work; tools: RewriteTools; sessions: Sessions; path: string },
): Promise<RewriteAction[]> {
  const { work, tools, sessions, path } = place
  const { survey, kind, options } = work
  switch (kind) {
    case 'vacuum':
      return tables.map((table) => vacuumAction(table, tools))
    case 'reindex':
      return tables.flatMap((table) => {
        const bloated = table.indexes.filter(
          ({ bloatPercent }) => options.table !== undefined || (bloatPercent ?? 0) >= 40,
        )
        return bloated.length === 0 ? [] : reindexAction(table, bloated, tools)
      })
    case 'full': {
      const { window: hours } = options
      if (!hours) throw new UsageError('--run full wants a window.', 'Give --window 02:00-04:00.')
      return tables.map((table) => fullAction(table, { ...tools, hours }))
    }
    case 'repack': {
      if (!survey.repack) {
        throw new UsageError(
          'The extension pg_repack is not installed in this database.',
          'CREATE EXTENSION pg_repack, or use --run full in a window.',
        )
      }
      refuseWithoutSuperuser(survey.repack)
      const program = await findRepack(survey.repack.version, path)
      const lacking = tables.find(({ facts }) => !facts.hasRowKey)
      if (lacking) {
        throw new UsageError(
          `${display(lacking)} has no primary key and no unique index over columns that are not null, which pg_repack needs.`,
          'Give it one, or use --run full in a window.',
        )
      }
      const { isSuperuser } = survey.repack
      return tables.map((table) => repackAction(table, { ...tools, program, url: sessions.url, isSuperuser }))
    }
  }
}

/** @throws HundredfoldError (exit 2) where the copy would not find room */
async function refuseFullDisk(
  { client, url }: Sessions,
  table: BloatedTable,
  kind: RemedyKind,
  { freeDisk }: CommandOptions,
): Promise<void> {
  const { needsBytes } = remedyOf(kind, table.space)
  if (needsBytes === 0) return
  const free = freeDisk ?? (await freeDiskBytes(client, url, table.oid))
  if (free === undefined || free >= needsBytes * 1.1) return
  throw new HundredfoldError(
    exitCodes.conditionFailed,
    `Writing ${display(table)} anew needs ${bytes(needsBytes)} of free disk, and there are ${bytes(free)}; nothing was done.`,
    'Make room first, or begin with a smaller table: --table NAME.',
  )
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

/** A signal that is aborted by Ctrl-C, and at the end of the hours once they have begun. */
function windowOf(
  stop: AbortSignal,
  hours: Hours | undefined,
): { signal: AbortSignal; begin: () => void; end: () => void } {
  const ended = new AbortController()
  let timer: NodeJS.Timeout | undefined
  return {
    signal: AbortSignal.any([stop, ended.signal]),
    begin: () => {
      if (!hours) return
      timer = setInterval(() => {
        if (isWithin(hours, new Date())) return
        ended.abort(
          new HundredfoldError(
            exitCodes.budgetExceeded,
            `The hours ${hoursText(hours)} have ended; what was running was cancelled, and its table is as it was.`,
            'Run it again in the next ones, or give more time.',
          ),
        )
      }, 1_000)
    },
    end: () => clearInterval(timer),
  }
}
