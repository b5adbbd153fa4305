import { Command, Option } from 'commander'
import { sessionUrl } from '../config.ts'
import { UsageError, exitCodes } from '../errors.ts'
import { defaultFolder } from '../operate/alerts/openAlerts.ts'
import { planAlerts } from '../operate/alerts/planAlerts.ts'
import type { ListenAddress } from '../operate/monitor/metricsServer.ts'
import { makeReaders } from '../operate/monitor/readers/index.ts'
import { takeRound } from '../operate/monitor/round.ts'
import { takeRounds } from '../operate/monitor/rounds.ts'
import { connect, parseTarget } from '../postgres/connect.ts'
import type { CommandContext } from './context.ts'
import type { MonitorAlerts } from './monitorAlerts.ts'
import { openMonitorAlerts } from './monitorAlerts.ts'
import type { MonitorFormat, Output } from './monitorOutputs.ts'
import { monitorFormats, openOutputs } from './monitorOutputs.ts'
import { parseDuration, parseListenAddress } from './options.ts'

interface CommandOptions {
  every?: number
  format?: MonitorFormat
  listen?: ListenAddress
  textfile?: string
  history?: string | false
  reports: string
  alert?: string
  alertFolder: string
  printAlerts?: boolean
}

const usuallyEveryMs = 60_000
const leastEveryMs = 1_000

/** `monitor`: the metrics of a database once, or in rounds, for people and for programs. */
export function monitorCommand(context: CommandContext): Command {
  return new Command('monitor')
    .option('--every <time>', 'take a round every so often, until Ctrl-C; with --listen 60s', parseDuration)
    .addOption(
      new Option('--format <name>', 'how each round is written; otlp sends it by OpenTelemetry').choices(
        monitorFormats,
      ),
    )
    .option(
      '--listen <address>',
      'serve the last round to Prometheus at /metrics, such as 127.0.0.1:9187 or :9187',
      parseListenAddress,
    )
    .option(
      '--textfile <file>',
      "write each round for the node exporter's textfile collector, such as pg.prom",
    )
    .option('--reports <dir>', 'where diagnose writes its reports, whose findings are counted', '.')
    .option(
      '--history <file>',
      'keep values for trend and forecasts there; with --every by default in .hundredfold/',
    )
    .option('--no-history', 'keep none')
    .option('--alert <file>', 'judge each round by the alerts of a YAML file, and tell its receivers')
    .option('--alert-folder <dir>', 'where states and what is not delivered yet are kept', defaultFolder)
    .option('--print-alerts', 'print a file of alerts to begin with')
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold monitor                                  one round, with targets met or not
  $ npx hundredfold monitor --listen 127.0.0.1:9187          an endpoint for Prometheus, a round every minute
  $ npx hundredfold monitor --textfile /var/lib/prometheus/node-exporter/pg.prom
  $ npx hundredfold monitor --format otlp --every 30s        to OTEL_EXPORTER_OTLP_ENDPOINT
  $ npx hundredfold monitor --format json --every 10s        one line of JSON a round
  $ npx hundredfold monitor --print-alerts                   a file of alerts to keep as alerts.yaml and to change
  $ npx hundredfold monitor --alert alerts.yaml --every 60s  docs/alerts.md has its keys

A single round with --alert ends with 2 if an alert fires.

It only reads, in short transactions. A role in pg_monitor sees everything; what another role may not see is skipped, with
the reason. While the database cannot be reached, rounds go on and say so.
`,
    )
    .action((options: CommandOptions) => runMonitor(context, options))
}

async function runMonitor(context: CommandContext, options: CommandOptions): Promise<void> {
  const { config, terminal, finish } = context
  if (options.printAlerts) {
    terminal.out(await planAlerts())
    finish(exitCodes.done)
    return
  }
  const everyMs = options.every ?? (options.listen ? usuallyEveryMs : undefined)
  if (everyMs !== undefined && everyMs < leastEveryMs) {
    throw new UsageError(
      'A round takes part of a second, so it cannot be taken so often.',
      'Give --every 1s or more.',
    )
  }
  const url = sessionUrl(config)
  // A URL that no server can ever answer at is refused before the first round.
  parseTarget(url)
  const isRepeated = everyMs !== undefined
  const alerts = await openWantedAlerts(options, isRepeated, context)
  const outputs: Output[] = []
  try {
    outputs.push(
      ...(await openOutputs(
        { ...options, isRepeated, ...(alerts && { alerts: alerts.states }) },
        url,
        context,
      )),
    )
    const readers = makeReaders({ url, reports: options.reports })
    // Whoever wants to hear of each round is one of these.
    const listeners = [...(alerts ? [alerts] : []), ...outputs].map(({ onRound }) => onRound)
    if (everyMs === undefined) {
      const client = await connect(url, { applicationName: 'hundredfold monitor', answerTimeoutMs: 15_000 })
      try {
        const round = await takeRound(client, readers, new Date())
        for (const onRound of listeners) await onRound(round.measurements, round.takenAt, round)
      } finally {
        await client.end().catch(() => undefined)
      }
    } else {
      await takeRounds({
        ...{ url, readers, everyMs, listeners, signal: terminal.signal },
        onOutage: (reason) => terminal.err(`The database does not answer: ${reason} Trying again.\n`),
        onRecovery: () => terminal.err('The database answers again.\n'),
      })
    }
  } finally {
    for (const { close } of outputs) await close?.()
    await alerts?.close()
  }
  finish(isRepeated ? exitCodes.done : (alerts?.exitCode() ?? exitCodes.done))
}

async function openWantedAlerts(
  { alert, alertFolder, format }: CommandOptions,
  isRepeated: boolean,
  context: CommandContext,
): Promise<MonitorAlerts | undefined> {
  if (alert === undefined) return undefined
  const isForPrograms = format === 'json' || format === 'prometheus'
  return openMonitorAlerts({ alert, alertFolder, isForPrograms, isRepeated }, context)
}
