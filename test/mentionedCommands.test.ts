import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { commands as listed } from '../src/cli/list.ts'
import { loadConfig } from '../src/config.ts'
import { rules } from '../src/rules/index.ts'
import { rulesThatDraft } from './rules/fixture/expected.ts'
import { runCommand } from './support/commandLine.ts'
import { listMentions } from './support/mentionedCommands.ts'

/** The maker of every command that help lists. */
const makers = await Promise.all(listed.map(({ load }) => load()))
const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  scripts: Record<string, string>
}
const commands = makeProgram().commands.map((command) => command.name())

/** The command line, which understands and does nothing. */
function makeProgram(): Command {
  const terminal = {
    ...{ out: () => undefined, err: () => undefined, progress: () => undefined },
    confirm: () => Promise.resolve(false),
    signal: new AbortController().signal,
  }
  const context = { config: loadConfig(), terminal, finish: () => undefined }
  const program = new Command('hundredfold')
  for (const make of makers) program.addCommand(make(context))
  for (const command of withChildren(program)) {
    command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
    if (command.commands.length === 0) command.action(() => undefined)
  }
  return program
}

function withChildren(command: Command): Command[] {
  return [command, ...command.commands.flatMap((child) => withChildren(child as Command))]
}

/** `> FILE` at the end is the shell's. */
const redirection = / > [\w./-]+$/

/** What is wrong with a command as some text has it; undefined where it could be typed so. */
function complaintAbout(text: string): string | undefined {
  if (text.startsWith('--')) return complaintAboutOption(text)
  const words = text.replace(redirection, '').match(/"[^"]*"|'[^']*'|\S+/g) ?? []
  const parsed =
    words[0] === 'npm' ? argumentsOfScript(words) : words[0] === 'hundredfold' ? words.slice(1) : words
  if (typeof parsed === 'string') return parsed
  if (parsed === undefined) return undefined
  return alternatives(parsed)
    .map(complaintAboutArguments)
    .find((complaint) => complaint !== undefined)
}

/** npm keeps it, and the command refuses to run. */
const swallowed = '--dry-run'

/** What a script of package.json hands over; undefined where it is none of ours, a complaint where npm would keep an option. */
function argumentsOfScript([, verb, ...rest]: string[]): string[] | string | undefined {
  if (verb !== 'run') return undefined
  const [script = '', ...given] = rest.filter((word) => word !== '-s' && word !== '--silent')
  const runs = scripts[script]
  if (runs === undefined) return `package.json has no script ${script}`
  const own = /^node scripts\/hundredfold\.mjs(.*)$/.exec(runs)?.[1]
  if (own === undefined) return undefined
  const separator = given.indexOf('--')
  const before = separator < 0 ? given : given.slice(0, separator)
  const kept = before.find((word) => word.startsWith('-') && word !== swallowed)
  if (kept !== undefined) return `npm would keep ${kept} for itself: write -- before it`
  return [
    ...own.trim().split(' ').filter(Boolean),
    ...before,
    ...(separator < 0 ? [] : given.slice(separator + 1)),
  ]
}

/** `migrate up|down` is both of them; `[count]` may be left out. */
function alternatives(words: string[]): string[][] {
  return words
    .filter((word) => !/^\[.*\]$/.test(word))
    .reduce<string[][]>(
      (all, word) => all.flatMap((one) => word.split('|').map((choice) => [...one, choice])),
      [[]],
    )
}

/** A mention need not be complete: `compare` is one, `compare A --no-such-option` is none. */
const incomplete = ['commander.missingArgument', 'commander.optionMissingArgument', 'commander.help']

function complaintAboutArguments(words: string[]): string | undefined {
  const isPlaceholder = (word: string) => /^"?\$|^[A-Z]+$|^\.\.\.$/.test(word)
  const program = makeProgram()
  const children = program.commands.find((command) => command.name() === words[0])?.commands ?? []
  const standIn = (at: number) => (at === 1 ? children[0]?.name() : undefined) ?? '1'
  try {
    program.parse(
      words
        .filter((word) => word !== swallowed)
        .map((word, at) => (isPlaceholder(word) ? standIn(at) : word)),
      { from: 'user' },
    )
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (!incomplete.includes(error.code)) return error.message
  }
  return complaintAboutRules(words)
}

/**
 * Rules that write migrations; that of the membership functions leaves its case in the fixture for another reason, and
 * that of the declaration writes only if it is named.
 */
const writing = [...rulesThatDraft, 'policy_membership_function', 'function_volatility']

/** Rules that there are, and with `optimize` only those that ever write a migration. */
function complaintAboutRules(words: string[]): string | undefined {
  const given = words[words.indexOf('--rules') + 1]
  if (!words.includes('--rules') || given === undefined) return undefined
  const known = new Set<string>(words[0] === 'optimize' ? writing : rules.map(({ name }) => name))
  const wrong = given.split(',').filter((name) => !/^[a-z]$/.test(name) && !known.has(name))
  return wrong.length === 0 ? undefined : `${words[0]} does nothing for ${wrong.join(', ')}`
}

/** An option by itself must be one of some command. */
function complaintAboutOption(text: string): string | undefined {
  const [option = '', value] = text.split(/[\s=]+/)
  const all = withChildren(makeProgram()).flatMap((command) => command.options)
  const found = all.filter(({ long }) => long === option)
  if (option === '--help' || option === swallowed) return undefined
  if (found.length === 0) return `no command has the option ${option}`
  // Another command may take any value.
  const isFree = found.some(({ argChoices }) => argChoices === undefined)
  const choices = isFree ? [] : found.flatMap(({ argChoices }) => argChoices ?? [])
  return value !== undefined && choices.length > 0 && !choices.includes(value)
    ? `${option} is one of ${choices.join(', ')}`
    : undefined
}

test('the commands that are looked at here are those of the command line', async () => {
  const { out } = await runCommand(['--help'])
  const listed = Array.from(out.matchAll(/^ {2}([a-z]+) {2,}/gm), ([, name]) => name)
  expect(listed.filter((name) => name !== 'help').sort()).toEqual([...commands].sort())
})

test('every command that a text names can be typed so', () => {
  const mentions = listMentions(commands)
  expect(mentions.length).toBeGreaterThan(100)
  const wrong = mentions.flatMap(({ text, place }) => {
    const complaint = complaintAbout(text)
    return complaint === undefined ? [] : [`${place}: ${text}: ${complaint}`]
  })
  expect(wrong).toEqual([])
})

test.each([
  ['hundredfold fleet status', /unknown command 'fleet'/],
  ['npm run migrate up --lock-budget 2m', /npm would keep --lock-budget/],
  ['npm run optimize -- --rules missing_index', /does nothing for missing_index/],
  ['diagnose --fail-on grave', /Allowed choices are/],
  ['migrate up soon', /whole number/],
  ['npm run advise', /no script advise/],
])('%s is found to be wrong', (text, complaint) => {
  expect(complaintAbout(text)).toMatch(complaint)
})
