import { Command } from 'commander'
import type { Client } from 'pg'
import { drainOutbox } from '../cache/drainOutbox.ts'
import { followOutbox } from '../cache/followOutbox.ts'
import type { Invalidator } from '../cache/invalidator.ts'
import { InvalidatorError, limitAnswers } from '../cache/limitAnswers.ts'
import { loadRedisClient } from '../cache/redisClient.ts'
import { redisInvalidator } from '../cache/redisInvalidator.ts'
import { cacheOutbox, cacheOutboxIsOurs } from '../catalog/cacheOutbox.ts'
import type { Config } from '../config.ts'
import { sessionUrl } from '../config.ts'
import { HundredfoldError, UsageError, exitCodes } from '../errors.ts'
import { refuseUnfitSession } from '../migrate/directSession.ts'
import { connect } from '../postgres/connect.ts'
import { borrow } from '../postgres/database.ts'
import { display } from '../postgres/identifiers.ts'
import type { CommandContext } from './context.ts'
import type { Terminal } from './terminal.ts'

/** With `--once`, so long we wait for rows that other workers hold. */
const othersTakeAtMostMs = 30_000
const looksAgainMs = 50

/** The worker that follows the outbox. */
export function invalidateOfCache({ config, terminal, finish }: CommandContext): Command {
  return new Command('invalidate')
    .description('drop from Redis what a commit has changed; runs until Ctrl-C, also several at once')
    .option('--once', 'invalidate what lies in the outbox, and end')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold cache invalidate           follow the outbox until Ctrl-C
  $ npx hundredfold cache invalidate --once    empty the outbox and end

REDIS_URL says where the cache is, DIRECT_URL where the database is. Run two of them on different machines, so that one may
fail: they share the work. Without any, readers go past the cache. A lost connection is opened again, with pauses up to 5 s.
`,
    )
    .action(async ({ once }: { once?: boolean }) => {
      const redisUrl = redisUrlOf(config)
      await loadRedisClient()
      const open = () =>
        connect(sessionUrl(config), {
          applicationName: 'hundredfold cache invalidate',
          answerTimeoutMs: 10_000,
        })
      const first = await open()
      const invalidator = redisInvalidator(redisUrl)
      try {
        await refuseUnfit(first, open)
        if (once) await drain(first, invalidator, terminal)
        else await follow(first, open, invalidator, terminal)
      } finally {
        await invalidator.close()
        await first.end().catch(() => undefined)
      }
      finish(exitCodes.done)
    })
}

function redisUrlOf({ redisUrl }: Config): string {
  if (redisUrl !== undefined) return redisUrl
  throw new UsageError(
    'No cache is configured: REDIS_URL is empty.',
    'Set REDIS_URL in the environment or in .env to the Redis that the application reads.',
  )
}

async function refuseUnfit(client: Client, open: () => Promise<Client>): Promise<void> {
  await refuseUnfitSession(client, open)
  if (await cacheOutboxIsOurs(borrow(client))) return
  throw new UsageError(
    `This database has no ${display(cacheOutbox)} that this role may read and empty.`,
    'Write its migration with `npx hundredfold cache install`, run `npm run migrate up`, and start this as the same role.',
  )
}

async function drain(client: Client, cache: Invalidator, terminal: Terminal): Promise<void> {
  const invalidator = limitAnswers(cache)
  const until = performance.now() + othersTakeAtMostMs
  const done = { changes: 0, tags: 0 }
  try {
    for (;;) {
      terminal.signal.throwIfAborted()
      const round = await invalidator.begin()
      const { changes, tags, isComplete } = await drainOutbox(client, invalidator)
      done.changes += changes
      done.tags += tags
      if (isComplete) {
        await round.confirm()
        break
      }
      if (performance.now() > until) {
        throw new HundredfoldError(
          exitCodes.budgetExceeded,
          `Another session holds changes in ${display(cacheOutbox)} for more than ${othersTakeAtMostMs / 1_000} s.`,
          'Look at `npx hundredfold connections` for who it is, or leave them to that worker.',
        )
      }
      await new Promise((resolve) => setTimeout(resolve, looksAgainMs))
    }
  } catch (error) {
    if (!(error instanceof InvalidatorError)) throw error
    throw new UsageError(
      `Changes stay in the outbox: ${error.message}.`,
      'Check REDIS_URL and that Redis answers, then run it again.',
      { cause: error },
    )
  }
  terminal.out(`invalidated ${count(done.tags, 'tag')} of ${count(done.changes, 'change')}\n`)
}

async function follow(
  first: Client,
  open: () => Promise<Client>,
  invalidator: Invalidator,
  terminal: Terminal,
): Promise<void> {
  const sessions = [first]
  terminal.err(`Following ${display(cacheOutbox)} until Ctrl-C.\n`)
  await followOutbox({
    connect: () => Promise.resolve(sessions.pop()).then((ready) => ready ?? open()),
    invalidator,
    signal: terminal.signal,
    onOutage: (reason) => terminal.err(`Nothing is invalidated for the moment: ${reason}. Trying again.\n`),
    onRecovery: () => terminal.err('Following the outbox again.\n'),
  })
}

function count(number: number, word: string): string {
  return `${number} ${number === 1 ? word : `${word}s`}`
}
