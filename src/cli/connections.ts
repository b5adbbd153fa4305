import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import type { Client } from 'pg'
import { listServerSessions } from '../catalog/sessions.ts'
import { sessionUrl } from '../config.ts'
import { HundredfoldError, UsageError, exitCodes } from '../errors.ts'
import { confirmed } from './confirmed.ts'
import type { EndedSession } from '../operate/connections/endSession.ts'
import { endSession } from '../operate/connections/endSession.ts'
import { findIdle } from '../operate/connections/idleSessions.ts'
import { lookAtConnections } from '../operate/connections/overview.ts'
import { askPooler } from '../operate/connections/pooler.ts'
import { poolSize } from '../operate/connections/poolSize.ts'
import { tryUrls } from '../operate/connections/routes.ts'
import type { Sample } from '../operate/connections/sample.ts'
import { sampleActivity } from '../operate/connections/sample.ts'
import { connect } from '../postgres/connect.ts'
import { borrow } from '../postgres/database.ts'
import type { ConnectionsResult } from '../report/connections.ts'
import { connectionsJson, connectionsText, endedLines } from '../report/connections.ts'
import { withoutLiterals } from '../syntax/withoutLiterals.ts'
import type { CommandContext } from './context.ts'
import { parseCount, parseDuration } from './options.ts'
import type { OutputOptions } from './output.ts'
import { peopleLine, writeJson } from './output.ts'

interface CommandOptions extends OutputOptions {
  watch?: boolean
  sample?: number
  cores?: number
  terminateIdle?: number
  terminateIdleInTransaction?: number
  yes?: boolean
}

const refreshMs = 2_000

/** `connections`: who is connected, who waits for whom, what holds VACUUM back; ends idle sessions on request. */
export function connectionsCommand(context: CommandContext): Command {
  return new Command('connections')
    .option('--watch', 'look again every two seconds, until Ctrl-C')
    .option('--sample <time>', 'look for so long which statements run, and what they wait for', parseDuration)
    .option(
      '--cores <count>',
      'the processors of the server: a pool larger than they serve only waits',
      parseCount,
    )
    .option('--terminate-idle <time>', 'end sessions that have been idle for so long', parseDuration)
    .option(
      '--terminate-idle-in-transaction <time>',
      'end sessions that have kept a transaction open for so long and do nothing',
      parseDuration,
    )
    .option('--yes', 'end them without asking')
    .option('--json <file>', 'write the result as JSON; - for standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold connections
  $ npx hundredfold connections --watch
  $ npx hundredfold connections --sample 30s --cores 4
  $ npx hundredfold connections --terminate-idle 10m
  $ npx hundredfold connections --terminate-idle-in-transaction 5m --yes --json -

Sessions are listed before they are ended. Never ended: your own, a superuser's, replication, autovacuum, other
databases, and one that has done anything since it was listed. Ends with 2 if one could not be ended.
`,
    )
    .action(async (options: CommandOptions) => {
      if (options.watch && (options.json !== undefined || wantsEnd(options))) {
        throw new UsageError('--watch only shows.', 'Leave out --json and --terminate-idle, or --watch.')
      }
      const { config, terminal } = context
      const client = await connect(sessionUrl(config))
      const stop = () => void client.end().catch(() => undefined)
      try {
        if (options.watch) return await watch(context, client)
        terminal.signal.addEventListener('abort', stop, { once: true })
        await showConnections(context, client, options)
      } finally {
        terminal.progress('')
        terminal.signal.removeEventListener('abort', stop)
        await client.end().catch(() => undefined)
      }
    })
}

async function watch({ terminal }: CommandContext, client: Client): Promise<void> {
  const isScreen = process.stdout.isTTY
  while (!terminal.signal.aborted) {
    const overview = await lookAtConnections(client)
    const text = connectionsText({ ...nothingElse, overview })
    const time = new Date().toISOString().slice(11, 19)
    terminal.out(`${isScreen ? '\u001b[H\u001b[2J' : ''}${time} UTC\n${text}\n${isScreen ? '' : '\n'}`)
    await sleep(refreshMs, undefined, { signal: terminal.signal }).catch(() => undefined)
  }
}

const nothingElse = { urls: [], pooler: undefined, poolSize: undefined, sample: undefined, ended: [] }

async function showConnections(
  context: CommandContext,
  client: Client,
  options: CommandOptions,
): Promise<void> {
  const { config, terminal, finish } = context
  terminal.progress('trying the URLs')
  const urls = await tryUrls(config)
  const pooled = urls.find(({ route }) => route?.endsWith('pooler'))
  const pooledUrl = pooled && (pooled.variable === 'DIRECT_URL' ? config.directUrl : config.databaseUrl)
  const pooler = pooledUrl === undefined ? undefined : await askPooler(pooledUrl)
  const sample = options.sample === undefined ? undefined : await takeSample(context, client, options.sample)
  const overview = await lookAtConnections(client)
  const result: ConnectionsResult = {
    ...{ overview, urls, pooler, sample, ended: [] },
    poolSize: sample && poolSize(sample.activity, options.cores),
  }
  const print = peopleLine(terminal, options)
  print(connectionsText(result))
  const ended = wantsEnd(options) ? await endIdle(context, client, options, print) : []
  await writeJson(terminal, options, 'connections', connectionsJson({ ...result, ended }))
  const refused = ended.filter(({ outcome }) => outcome === 'refused')
  if (refused.length > 0) {
    throw new HundredfoldError(
      exitCodes.conditionFailed,
      `${refused.length} of ${ended.length} sessions could not be ended: ${refused[0]?.session.pid ?? ''}: ${refused[0]?.reason ?? ''}.`,
      'End them as a member of their role or of pg_signal_backend.',
    )
  }
  finish(exitCodes.done)
}

function wantsEnd({ terminateIdle, terminateIdleInTransaction }: CommandOptions): boolean {
  return terminateIdle !== undefined || terminateIdleInTransaction !== undefined
}

async function takeSample({ terminal }: CommandContext, client: Client, forMs: number): Promise<Sample> {
  return sampleActivity(client, forMs, withoutLiterals, {
    signal: terminal.signal,
    onLook: (ms) => terminal.progress(`looking: ${Math.round((100 * ms) / forMs)} %`),
  })
}

async function endIdle(
  { terminal }: CommandContext,
  client: Client,
  options: CommandOptions,
  print: (line: string) => void,
): Promise<EndedSession[]> {
  const sessions = findIdle(await listServerSessions(borrow(client)), {
    idleMs: options.terminateIdle,
    idleInTransactionMs: options.terminateIdleInTransaction,
  })
  print('')
  if (sessions.length === 0) {
    print('No session has been idle for so long.')
    return []
  }
  const actions = sessions.map(endSession)
  for (const { title, affects } of actions)
    print(`${title}${affects.length > 0 ? `: ${affects.join(', ')}` : ''}`)
  const count = sessions.length === 1 ? 'this session' : `these ${sessions.length} sessions`
  if (!(await confirmed(terminal, options, `End ${count}?`))) return []
  const ended: EndedSession[] = []
  for (const action of actions) {
    terminal.signal.throwIfAborted()
    ended.push(await action.run(client))
  }
  for (const line of endedLines(ended)) print(line)
  return ended
}
