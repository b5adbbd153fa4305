import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CommandResult } from '../support/commandLine.ts'
import { callCommand } from '../support/commandLine.ts'
import { listPages, wordsOf } from './documentedCommands.ts'
import type { Place } from './documentedProject.ts'
import { DocumentedProject } from './documentedProject.ts'

/** What is not run here, and what runs it. */
const notRun: [written: RegExp, because: string][] = [
  [/^npm (install|ci)\b/, 'it asks the registry of npm; test/install.test.ts installs the packed file'],
  [/^npm (test|run check)$/, 'it runs this test, or comes before it'],
  [/^npm run (-s hundredfold -- )?(demo|bench)\b/, 'it takes minutes; test/bench runs both on fewer rows'],
  [
    /^npx (?!hundredfold |prisma )/,
    'another tool; test/export/realTools.test.ts runs each on exported files',
  ],
  [/ mcp$/, 'it waits for a client; test/cli/mcp.test.ts is one'],
  [/\| npx hundredfold why$/, 'it reads standard input; test/cli/why.test.ts writes there'],
  [/--format otlp/, 'it needs a collector; test/cli/monitorOtlp.test.ts is one'],
  [/ cache invalidate/, 'it needs Redis; test/cli/cache.test.ts has one'],
  [/--run repack/, 'it needs pg_repack; test/cli/bloat.test.ts has it'],
  [/--schedule pg_cron/, 'it needs pg_cron; test/operate/maintain/cronPlan.test.ts has it'],
]

/** What a page writes for something that its reader has, and what that is here. */
const placeholders: [written: RegExp, here: string | ((place: Place) => string)][] = [
  // Prisma itself is in test/export/realTools.test.ts.
  [/^npx prisma migrate deploy$/, 'npx hundredfold migrate up 1'],
  [/02:00-04:00/, '00:00-23:59'],
  [/--sample 30s/, '--sample 1s'],
  [/\/var\/lib\/prometheus\/node-exporter\//, ''],
  [/127\.0\.0\.1:9187/, '127.0.0.1:0'],
  // Who reads the page has it since Monday.
  [/--since monday\.json /, ''],
  [/--to NAME/, (place) => `--to ${firstMigration(place)}`],
  [/20261130120000000_create-a-b-idx/, lastMigration],
  // So small a table does not pay.
  [/--accept bookings_pkey/, '--accept bookings_pkey --no-judge'],
  // The page shows two ways for one table; migrations of both would not fit together.
  [/--table orders --key customer_id/, '--table deliveries --key customer_id'],
  // Here the folder of the other tool has migrations of ours already.
  [
    /--format knex --dir hundredfold\/migrations --out migrations/,
    '--format knex --dir hundredfold/migrations --out knex',
  ],
  [/--dir migrations\/partitions/, '--dir migrations'],
]

function firstMigration(place: Place): string {
  return migrationsOf(place)[0] ?? ''
}

function lastMigration(place: Place): string {
  return migrationsOf(place).at(-1) ?? ''
}

function migrationsOf({ directory }: Place): string[] {
  const files = readdirSync(join(directory, 'migrations')).sort()
  return files.map((file) => file.replace(/\.ts$/, ''))
}

/** What a page takes for granted. */
const before: Partial<Record<string, string>> = {
  'docs/gain.md': 'migrate up',
  'docs/rollback.md': 'migrate up',
}

/** Endings other than 0 that are no fault. */
const otherEndings: [written: RegExp, exitCode: number, because: string][] = [
  [/--fail-on|--baseline|maintain weekly/, 2, 'it has findings to tell'],
  [
    /partition --table (bookings|audit\.events) (?!.*--accept)/,
    2,
    'the primary key lacks the date: it wants --accept first',
  ],
]

/** They go on until Ctrl-C, which comes soon. */
const endless = /(monitor|connections) .*(--every|--listen|--watch)|monitor .*--textfile/
/** They ask first, and whoever tries the page says yes. */
const asking =
  /^(init|optimize|export|partition|maintain|cache install|bloat --run|connections --terminate|migrate plan --approve|migrate verify --gain --take-back)\b/
/** What each run needs anew, on whichever page. */
const changes = /^(init|migrate (up|down|redo))\b/
/** They start a server of their own: the first of each kind is run, and the others with `FAULTS=all`. */
const takesSeconds = /^(advise|migrate plan --approve|migrate plan|migrate prove|optimize --workload)\b/
const runsAll = process.env['FAULTS'] === 'all'

/** `npm run migrate up -- --to a` and `npx hundredfold migrate up --to a` -> `migrate up --to a` */
function argumentsOf(text: string): string[] {
  const words = wordsOf(text).slice(1)
  const args = words.filter((word) => !['run', 'hundredfold', '-s', '--'].includes(word))
  return asking.test(args.join(' ')) && !args.includes('--yes') ? [...args, '--yes'] : args
}

const seen = new Set<string>()

function isRun(page: string, text: string): boolean {
  if (notRun.some(([written]) => written.test(text))) return false
  const args = argumentsOf(text).join(' ')
  const slow = takesSeconds.exec(args)?.[0]
  const kind = slow === undefined || runsAll ? args : slow
  const isKnown = seen.has(kind)
  seen.add(kind)
  // Pages tell a story, which needs all its steps; the examples of a help stand alone.
  const standsAlone = slow !== undefined || page.startsWith('docs/commands/')
  return !isKnown || !standsAlone || changes.test(args)
}

/** The tests of the commands run what these show; with `FAULTS=all` each line is run as it is written here too. */
const alsoRunElsewhere = /^docs\/(commands\/|advise\.md)/

const pages = listPages()
  .filter(({ page }) => runsAll || !alsoRunElsewhere.test(page))
  .map(({ page, commands }) => ({ page, commands: commands.filter(({ text }) => isRun(page, text)) }))

let project: DocumentedProject
beforeAll(async () => void (project = await DocumentedProject.make()))
afterAll(() => project.remove())

function run(place: Place, text: string): Promise<CommandResult> {
  const meant = placeholders.reduce(
    (all, [written, here]) => all.replace(written, typeof here === 'string' ? here : here(place)),
    text,
  )
  return callCommand(argumentsOf(meant), {
    directory: place.directory,
    environment: { DIRECT_URL: place.url },
    ...(endless.test(text) ? { signal: AbortSignal.timeout(500) } : {}),
  })
}

test.for(pages.filter(({ commands }) => commands.length > 0))(
  'the commands of $page run as they are written',
  { timeout: 240_000 },
  async ({ page, commands }) => {
    const place = await project.copy()
    const first = before[page]
    if (first !== undefined) expect((await run(place, `npx hundredfold ${first}`)).exitCode).toBe(0)
    for (const { text, place: line } of commands) {
      const { exitCode, out, err } = await run(place, text)
      const fine = [0, ...otherEndings.flatMap(([written, code]) => (written.test(text) ? [code] : []))]
      expect(fine, `${line}: ${text}\n${err}${out}`).toContain(exitCode)
    }
    await place.remove()
  },
)

test('every reason to leave a command out, and every placeholder, is of use', () => {
  const texts = listPages().flatMap(({ commands }) => commands.map(({ text }) => text))
  const patterns = [...notRun, ...placeholders, ...otherEndings].map(([written]) => written)
  expect(patterns.filter((written) => !texts.some((text) => written.test(text)))).toEqual([])
})
