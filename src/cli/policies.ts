import { Command } from 'commander'
import { sessionUrl } from '../config.ts'
import { exitCodes } from '../errors.ts'
import { compareAccess } from '../policies/access/matrix.ts'
import { readMatrix } from '../policies/access/readMatrix.ts'
import { testPolicies } from '../policies/access/testPolicies.ts'
import { connect } from '../postgres/connect.ts'
import { accessChangesText, accessPage, accessText } from '../report/access.ts'
import { jsonDocument } from '../report/jsonDocument.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { CommandContext } from './context.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

interface TestOptions extends OutputOptions {
  schema?: string[]
  save?: string
  check?: string
  html?: string
}

/** `policies`: what row-level security does. */
export function policiesCommand(context: CommandContext): Command {
  return new Command('policies').addCommand(testCommand(context))
}

function testCommand(context: CommandContext): Command {
  return new Command('test')
    .description('who may do what, table by table: tried on real rows, and taken back')
    .option('--schema <name...>', 'only tables of these schemas')
    .option('--save <file>', 'write the answers to a file, for --check')
    .option('--check <file>', 'compare with the answers in a file; ends with 4 where one differs')
    .option('--html <file>', 'write them as one HTML file')
    .option('--json <file>', 'write them as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold policies test
  $ npx hundredfold policies test --save policies.json
  $ npx hundredfold policies test --check policies.json
  $ npx hundredfold policies test --schema public --html access.html

Each role tries SELECT, INSERT, UPDATE and DELETE on a row of its own, of a colleague and of a stranger, and once without
saying who it is. Whose a row is follows from what policies compare with the caller, and from foreign keys. Everything
happens in one transaction that is rolled back. Triggers fire in it: run it on a copy if yours reach beyond the database.
`,
    )
    .action(async (options: TestOptions) => testAndReport(context, options))
}

async function testAndReport(context: CommandContext, options: TestOptions): Promise<void> {
  const { config, terminal, finish } = context
  const saved = options.check === undefined ? undefined : await readMatrix(options.check)
  const client = await connect(sessionUrl(config))
  const stop = () => void client.end().catch(() => undefined)
  terminal.signal.addEventListener('abort', stop, { once: true })
  try {
    const matrix = await testPolicies(client, {
      ...(options.schema ? { schemas: options.schema } : {}),
      onTable: (name, at, of) => terminal.progress(`${name} (${at} of ${of})`),
      signal: terminal.signal,
    })
    terminal.progress('')
    const changes = saved && compareAccess(saved, matrix)
    const print = peopleLine(terminal, options)
    print(accessText(matrix))
    if (changes) {
      print(
        changes.length === 0
          ? `\nAs in ${options.check ?? ''}.`
          : `\nNot as in ${options.check ?? ''}:\n${accessChangesText(changes)}`,
      )
    }
    await writeJson(terminal, options, 'policies test', { ...matrix, ...(changes ? { changes } : {}) })
    if (options.save !== undefined) {
      await writeWholeFile(options.save, jsonDocument('policies test', matrix), { placedBy: '--save' })
    }
    if (options.html !== undefined) {
      await writeWholeFile(options.html, accessPage(matrix, new Date()), { placedBy: '--html' })
    }
    finish(changes && changes.length > 0 ? exitCodes.drift : exitCodes.done)
  } finally {
    terminal.progress('')
    terminal.signal.removeEventListener('abort', stop)
    await client.end().catch(() => undefined)
  }
}
