import { text as readAll } from 'node:stream/consumers'
import { Command } from 'commander'
import { HundredfoldError, UsageError, exitCodes, messageOf } from '../errors.ts'
import type { Answer, Symptom } from '../why/symptom.ts'
import { explainSymptom, recognise } from '../why/why.ts'
import { connect } from '../postgres/connect.ts'
import { excerpt } from '../syntax/excerpt.ts'
import type { CommandContext } from './context.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

/** `why`: recognises a symptom or an error, looks at the database, and answers with a command. */
export function whyCommand(context: CommandContext): Command {
  return new Command('why')
    .argument('[text]', 'a symptom, or the text of an error; read from standard input without it')
    .option('--json <file>', 'write the answer as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold why "MaxClientsInSessionMode"
  $ npx hundredfold why "slow after new indexes"
  $ npx hundredfold why "VACUUM FULL takes too long"
  $ tail -1 application.log | npx hundredfold why

The database is only read. Ends with 2 where the text is not recognised.
`,
    )
    .action(async (argument: string | undefined, options: OutputOptions) => {
      const text = (argument ?? (await standardInput())).trim()
      if (text === '') {
        throw new UsageError(
          'There is no text to recognise.',
          'Give a symptom or an error: hundredfold why "deadlock detected".',
        )
      }
      const symptom = recognise(text)
      if (!symptom) {
        throw new HundredfoldError(
          exitCodes.conditionFailed,
          `This is not known: ${excerpt(text)}`,
          'Give the text of the error as the server or the pooler wrote it; `npx hundredfold diagnose` looks at everything.',
        )
      }
      const answer = await answerFor(context, symptom, text)
      await writeJson(context.terminal, options, 'why', {
        symptom: symptom.id,
        means: symptom.means,
        ...answer,
      })
      const print = peopleLine(context.terminal, options)
      print(symptom.means)
      if (answer.here.length > 0) print('\nHere:')
      for (const line of answer.here) print(`  ${line}`)
      print('\nDo:')
      for (const command of answer.commands) print(`  ${command}`)
      context.finish(exitCodes.done)
    })
}

async function standardInput(): Promise<string> {
  return process.stdin.isTTY ? '' : readAll(process.stdin)
}

/** Where the database cannot be reached, that is a part of the answer. */
async function answerFor({ config }: CommandContext, symptom: Symptom, text: string): Promise<Answer> {
  const url = config.directUrl ?? config.databaseUrl
  if (url === undefined) {
    return {
      here: ['No database is configured, so nobody has looked: set DIRECT_URL.'],
      commands: symptom.otherwise,
    }
  }
  let client
  try {
    client = await connect(url)
  } catch (error) {
    return { here: [messageOf(error)], commands: symptom.otherwise }
  }
  try {
    return await explainSymptom(client, symptom, text)
  } finally {
    await client.end().catch(() => undefined)
  }
}
