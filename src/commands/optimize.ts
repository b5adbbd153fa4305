import type { Client } from 'pg'
import { Command } from 'commander'
import { sessionUrl } from '../config.ts'
import { connect } from '../db/connect.ts'
import { borrow } from '../db/database.ts'
import { readOnly } from '../db/readOnly.ts'
import type { Draft } from '../drafts/draft.ts'
import { UsageError, exitCodes } from '../errors.ts'
import { listPendingMigrations } from '../generate/pendingMigrations.ts'
import { chooseDrafts } from '../generate/chooseDrafts.ts'
import type { Choice, Skipped } from '../generate/chooseDrafts.ts'
import { writeMigrations } from '../generate/writeMigrations.ts'
import { rules as allRules } from '../rules/index.ts'
import type { Finding, Rule } from '../rules/rule.ts'
import { CannotSee, keyOf, ruleContext } from '../rules/rule.ts'
import type { RuleName } from '../rules/ruleNames.ts'
import { ruleNames } from '../rules/ruleNames.ts'
import type { CommandContext } from './context.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

interface OptimizeOptions extends OutputOptions {
  rules?: string
  out: string
  schema?: string[]
  yes?: boolean
}

/** `optimize`: findings become migration files. The database is only read; nothing is applied. */
export function optimizeCommand(context: CommandContext): Command {
  return new Command('optimize')
    .description('write a migration file for each finding that has a cure; the database is only read')
    .option('--rules <names>', 'only these rules, separated by commas; all by default')
    .option('--schema <name...>', 'only objects of these schemas')
    .option('--out <directory>', 'where the files go', 'migrations')
    .option('--yes', 'write without asking')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npm run optimize -- --rules auth_rls_initplan,policy_function_initplan
  $ npm run optimize -- --schema public --out migrations --yes
  $ npm run -s optimize -- --yes --json -

Review the files, see \`npm run migrate plan\`, then \`npm run migrate up\`. A finding without a safe cure is
listed with the reason. What a pending migration does already is not written again.
`,
    )
    .action(async (options: OptimizeOptions) => {
      const { config, terminal, finish } = context
      const chosen = parseRules(options.rules)
      const client = await connect(sessionUrl(config))
      const stop = () => void client.end().catch(() => undefined)
      terminal.signal.addEventListener('abort', stop, { once: true })
      try {
        const { findings, unseen } = await findAll(client, chosen, options, (name) =>
          terminal.progress(`looking for ${name}`),
        )
        terminal.progress('reading the new policies back')
        const pending = await listPendingMigrations(options.out, client)
        const choice = await chooseDrafts(client, findings, pending)
        terminal.progress('')
        const files = await writeChosen(context, options, choice)
        await report(context, options, { ...choice, skipped: [...choice.skipped, ...unseen] }, files)
      } finally {
        terminal.progress('')
        terminal.signal.removeEventListener('abort', stop)
        await client.end().catch(() => undefined)
      }
      finish(exitCodes.done)
    })
}

/** `a,b` -> the rules of these names. */
function parseRules(text: string | undefined): Rule[] {
  if (text === undefined) return allRules
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  if (names.length === 0) {
    throw new UsageError('--rules names no rule.', `Name some of: ${namesOf(allRules)}.`)
  }
  return names.map((name) => {
    const rule = allRules.find((each) => each.name === name)
    if (rule) return rule
    throw new UsageError(
      ruleNames.includes(name as RuleName)
        ? `The rule ${name} cannot be looked for yet.`
        : `There is no rule ${name}.`,
      `Rules are: ${namesOf(allRules)}.`,
    )
  })
}

function namesOf(rules: Rule[]): string {
  return rules.map(({ name }) => name).join(', ')
}

async function findAll(
  client: Client,
  chosen: Rule[],
  { schema }: OptimizeOptions,
  onProgress: (name: string) => void,
): Promise<{ findings: Finding[]; unseen: Skipped[] }> {
  return readOnly(client, async () => {
    const context = ruleContext(
      borrow(client),
      schema,
      chosen.map(({ name }) => name),
    )
    const findings: Finding[] = []
    const unseen: Skipped[] = []
    for (const rule of chosen) {
      onProgress(rule.name)
      try {
        findings.push(...(await rule.find(context)))
      } catch (error) {
        if (!(error instanceof CannotSee)) throw error
        findings.push(...error.seen)
        unseen.push({ key: rule.name, rule: rule.name, reason: error.reason })
      }
    }
    return { findings, unseen }
  })
}

/** Writes the files, unless somebody who was asked said no. */
async function writeChosen(
  { terminal }: CommandContext,
  { out, yes }: OptimizeOptions,
  { drafts }: Choice,
): Promise<Map<Draft, string>> {
  if (drafts.length === 0) return new Map()
  const question = `Write ${drafts.length} ${drafts.length === 1 ? 'migration' : 'migrations'} into ${out}?`
  if (!yes && !(await terminal.confirm(question))) return new Map()
  return writeMigrations(out, drafts)
}

async function report(
  { terminal }: CommandContext,
  options: OptimizeOptions,
  { cures, skipped }: Choice,
  files: Map<Draft, string>,
): Promise<void> {
  const notWritten: Skipped[] = []
  const written = cures.flatMap(({ finding, drafts }) => {
    const key = keyOf(finding)
    const paths = drafts.flatMap((draft) => files.get(draft) ?? [])
    if (paths.length === 0) notWritten.push({ key, rule: finding.rule, reason: 'you chose not to write it' })
    return paths.map((file) => ({ file, rule: finding.rule, key }))
  })
  const left = [...skipped, ...notWritten]
  await writeJson(terminal, options, 'optimize', { written, skipped: left })
  const print = peopleLine(terminal, options)
  for (const file of files.values()) print(`written  ${file}`)
  for (const { key, reason } of left) print(`skipped  ${key}: ${reason}`)
  const count = (n: number, one: string) => `${n} ${n === 1 ? one : `${one}s`}`
  print(
    `${count(files.size, 'migration')} for ${count(cures.length - notWritten.length, 'finding')}, ${left.length} skipped.`,
  )
  if (files.size > 0) print('Next: review them, then `npm run migrate plan`.')
}
