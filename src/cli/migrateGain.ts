import type { Client } from 'pg'
import { UsageError, exitCodes } from '../errors.ts'
import type { TakeBackChoice } from '../migrate/gain/takeBack.ts'
import { chooseTakeBack, takeBack } from '../migrate/gain/takeBack.ts'
import { verifyGain } from '../migrate/gain/verifyGain.ts'
import type { Migration } from '../migrate/migration.ts'
import { defaultRunOptions } from '../migrate/runOptions.ts'
import type { RunResult } from '../migrate/up.ts'
import { gainText } from '../report/gainText.ts'
import { eventText } from '../report/runText.ts'
import type { CommandContext } from './context.ts'
import { withMigrateSession } from './migrateSession.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

export interface GainOptions extends OutputOptions {
  gain?: boolean
  takeBack?: boolean
  yes?: boolean
}

/** `migrate verify --gain`: what each applied migration brought; with `--take-back`, undoes what did harm. */
export async function reportGain(
  { config, terminal, finish }: CommandContext,
  options: GainOptions,
  migrations: Migration[],
): Promise<void> {
  const print = peopleLine(terminal, options)
  const { statementTimeoutMs } = defaultRunOptions
  await withMigrateSession(config, terminal, async (client) => {
    const gains = await verifyGain(migrations, { client, statementTimeoutMs })
    print(gainText(gains).trimEnd())
    const choice = options.takeBack
      ? await chooseTakeBack(migrations, gains, { client, statementTimeoutMs })
      : undefined
    const outcome = choice && (await carryOut(client, choice))
    await writeJson(terminal, options, 'migrate verify', {
      migrations: gains,
      ...(choice && { takenBack: outcome?.ran ?? [], left: choice.left }),
    })
    if (outcome?.failure) throw outcome.failure
    if (outcome?.unasked) throw nobodyToAsk(choice?.chosen.length ?? 0)
    finish(gains.some(({ verdict }) => verdict === 'lost') ? exitCodes.drift : exitCodes.done)
  })

  async function carryOut(
    client: Client,
    { chosen, left }: TakeBackChoice,
  ): Promise<RunResult & { unasked?: true }> {
    for (const { name, reason } of left) print(`left       ${name}: ${reason}`)
    for (const { name, reason } of chosen) print(`take back  ${name}: ${reason}`)
    if (chosen.length === 0) {
      print('Nothing to take back.')
      return { ran: [] }
    }
    if (!options.yes && !(process.stdin.isTTY && process.stderr.isTTY)) return { ran: [], unasked: true }
    const question = `Take back ${chosen.map(({ name }) => name).join(', ')}?`
    if (!options.yes && !(await terminal.confirm(question))) return { ran: [] }
    const result = await takeBack(migrations, chosen, {
      ...defaultRunOptions,
      client,
      signal: terminal.signal,
      onEvent: (event) => {
        const line = eventText(event)
        if (line) print(line)
      },
    })
    if (result.ran.length > 0) {
      print(
        'Remove these files, or change them: `migrate up` leaves them out here, but not in other databases.',
      )
    }
    return result
  }
}

function nobodyToAsk(count: number): UsageError {
  return new UsageError(
    `Nothing was taken back: there is no terminal on which to ask about ${count === 1 ? 'the migration' : `the ${count} migrations`}.`,
    'Run it again with --yes to take back without being asked.',
  )
}
