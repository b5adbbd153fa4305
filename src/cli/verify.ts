import { Command } from 'commander'
import { UsageError, exitCodes } from '../errors.ts'
import { readConditions } from '../export/conditionsFile.ts'
import { verifyConditions } from '../export/verifyConditions.ts'
import { conditionLines } from '../report/runText.ts'
import type { CommandContext } from './context.ts'
import { withReadingSession } from './migrateSession.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

export interface VerifyFileOptions extends OutputOptions {
  before?: string
  after?: string
}

/** `verify --before FILE` and `verify --after FILE`: conditions of a migration that any tool runs. */
export function verifyCommand(context: CommandContext): Command {
  return new Command('verify')
    .option('--before <file>', 'check what has to hold before the migration runs')
    .option('--after <file>', 'check what has to hold after it')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold verify --before prisma/hundredfold/20261130120000_create_a_b_idx.conditions.json
  $ npx prisma migrate deploy
  $ npx hundredfold verify --after prisma/hundredfold/20261130120000_create_a_b_idx.conditions.json
  $ npx hundredfold verify --before migrations/20261130120000000_create-a-b-idx.ts

FILE is a file of conditions that \`optimize --format\` wrote, or a migration file of hundredfold. The database is only
read. Exit code 2 where a condition does not hold.
`,
    )
    .action((options: VerifyFileOptions) => verifyFile(context, options))
}

/** Checks the conditions of a file and prints each with its result. */
export async function verifyFile(
  { config, terminal, finish }: CommandContext,
  options: VerifyFileOptions,
): Promise<void> {
  const { before, after } = options
  const path = before ?? after
  if (path === undefined || (before !== undefined && after !== undefined)) {
    throw new UsageError(
      path === undefined
        ? 'Neither --before nor --after names a file.'
        : 'Both --before and --after are given.',
      'Give one of them: conditions hold before a migration runs, or after it.',
    )
  }
  const phase = before === undefined ? 'after' : 'before'
  const { migration, ...conditions } = await readConditions(path)
  const checked = await withReadingSession(config, (client) =>
    verifyConditions(client, conditions[phase], phase),
  )
  await writeJson(terminal, options, 'verify', { migrations: [{ name: migration, conditions: checked }] })
  const print = peopleLine(terminal, options)
  print(migration)
  for (const line of conditionLines(checked)) print(line)
  finish(checked.every(({ holds }) => holds) ? exitCodes.done : exitCodes.conditionFailed)
}
