import { afterAll, beforeAll, expect, test } from 'vitest'
import { callCommand } from '../support/commandLine.ts'
import { listPages, wordsOf } from './documentedCommands.ts'
import type { Place } from './documentedProject.ts'
import { DocumentedProject } from './documentedProject.ts'

/** What is not run here, and who runs it. */
const notRun: [pattern: RegExp, because: string][] = [
  [/^npm (install|ci)\b/, 'it asks the registry of npm; test/install.test.ts installs the packed file'],
  [/^npm (test|run check)$/, 'it is what runs this test, and the check before it'],
  [/^npm run (-s hundredfold -- )?(demo|bench)\b/, 'it takes minutes; test/bench runs both on fewer rows'],
  [/^npx (?!hundredfold )/, 'another tool; test/export/realTools.test.ts runs each on exported files'],
  [/ mcp$/, 'it waits for a client; test/cli/mcp.test.ts is one'],
  [/\| npx hundredfold why$/, 'it reads standard input; test/cli/why.test.ts writes there'],
  [/--format otlp/, 'it needs a collector; test/cli/monitorOtlp.test.ts is one'],
  [/ cache invalidate/, 'it needs Redis; test/cli/cache.test.ts runs it there'],
  [/--run repack/, 'it needs pg_repack; test/operate/bloat runs it there'],
  [/--schedule pg_cron/, 'it needs pg_cron; test/operate/maintain runs it there'],
]

/** What a page writes for something that depends on where it is read. */
const placeholders: [written: RegExp, meant: string][] = [
  [/02:00-04:00/, '00:00-23:59'],
  [/\/var\/lib\/prometheus\/node-exporter\//, ''],
  [/127\.0\.0\.1:9187/, '127.0.0.1:0'],
]

/** They go on until Ctrl-C, which comes after a second. */
const endless = /--every|--listen|--watch|--sample|--textfile/
/** They ask first, and whoever tries the page says yes. */
const asking =
  /^(init|optimize|export|partition|maintain|cache install|bloat --run|connections --terminate|migrate plan --approve|migrate verify --gain --take-back)\b/

const pages = listPages()
const run = pages.flatMap(({ commands }) =>
  commands.filter(({ text }) => !notRun.some(([pattern]) => pattern.test(text))),
)

/** `npm run migrate up -- --to a` and `npx hundredfold migrate up --to a` -> `migrate up --to a` */
function argumentsOf(text: string): string[] {
  const meant = placeholders.reduce((all, [written, put]) => all.replace(written, put), text)
  const [, ...words] = wordsOf(meant).filter((word) => !['-s', '--'].includes(word))
  const args = words.filter((word) => word !== 'hundredfold' && word !== 'run')
  return asking.test(args.join(' ')) && !args.includes('--yes') ? [...args, '--yes'] : args
}

let project: DocumentedProject
beforeAll(async () => void (project = await DocumentedProject.make()))
afterAll(() => project.remove())

test.for(pages)('$page', async ({ commands }) => {
  const place = await project.copy()
  for (const { text } of commands.filter((each) => run.includes(each))) {
    const t = Date.now()
    const args = argumentsOf(text)
    const stop = endless.test(text) ? AbortSignal.timeout(1000) : undefined
    const r = await callCommand(args, { directory: place.directory, environment: { DIRECT_URL: place.url }, ...(stop ? { signal: stop } : {}) })
    console.log(r.exitCode, Date.now() - t, text, r.exitCode ? r.err.slice(0, 400) + r.out.slice(-200) : '')
  }
  await place.remove()
  expect(1).toBe(1)
})
