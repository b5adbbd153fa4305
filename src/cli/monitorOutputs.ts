import { UsageError, messageOf } from '../errors.ts'
import type { AlertState } from '../operate/alerts/rounds.ts'
import type { ListenAddress, MetricsPage } from '../operate/monitor/metricsServer.ts'
import { serveMetrics } from '../operate/monitor/metricsServer.ts'
import { claimFile } from '../operate/monitor/ownFile.ts'
import type { Round } from '../operate/monitor/round.ts'
import type { RoundListener } from '../operate/monitor/rounds.ts'
import { jsonDocument, jsonLine } from '../report/jsonDocument.ts'
import { monitorJson, monitorText } from '../report/monitor.ts'
import { prometheusContentType, prometheusText } from '../report/prometheusText.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { CommandContext } from './context.ts'
import { otlpSender } from './monitorOtlp.ts'
import type { Terminal } from './terminal.ts'

export const monitorFormats = ['text', 'prometheus', 'json', 'otlp'] as const
export type MonitorFormat = (typeof monitorFormats)[number]

/** One place where rounds go. */
export interface Output {
  onRound: RoundListener
  close?(): Promise<void>
}

interface Wanted {
  format?: MonitorFormat
  listen?: ListenAddress
  textfile?: string
  /** The alerts of the round that is written; undefined where there is no file of alerts. */
  alerts?: () => readonly AlertState[]
  /** Rounds go on: an output that fails is named once and tried again in the next round. */
  isRepeated: boolean
}

/**
 * Opens what was asked for; the table for people only where nothing else was.
 *
 * @throws UsageError where an address or a file is another monitor's, or OpenTelemetry is not installed
 */
export async function openOutputs(wanted: Wanted, url: string, context: CommandContext): Promise<Output[]> {
  const { terminal } = context
  const outputs: Output[] = []
  try {
    if (wanted.listen) outputs.push(await listenOutput(wanted.listen, terminal))
    if (wanted.textfile !== undefined) outputs.push(await fileOutput(wanted.textfile, wanted, terminal))
    if (wanted.format === 'otlp') outputs.push(await otlpOutput(url, wanted, context))
    else if (wanted.format ?? outputs.length === 0)
      outputs.push(printed(wanted.format ?? 'text', wanted, terminal))
    return outputs
  } catch (error) {
    for (const { close } of outputs) await close?.()
    throw error
  }
}

async function listenOutput(address: ListenAddress, terminal: Terminal): Promise<Output> {
  let page: MetricsPage | undefined
  const server = await serveMetrics(address, () => page)
  terminal.err(`Serving http://${server.address}/metrics until Ctrl-C.\n`)
  return {
    onRound: async (measurements) => {
      page = { contentType: prometheusContentType, text: await prometheusText(measurements) }
    },
    close: () => server.close(),
  }
}

async function fileOutput(path: string, { isRepeated }: Wanted, terminal: Terminal): Promise<Output> {
  const release = await claimFile(path)
  // The node exporter runs as another account.
  const write = async ({ measurements }: Round) =>
    writeWholeFile(path, await prometheusText(measurements), { mode: 0o644, placedBy: '--textfile' })
  const tolerant = tolerate(write, terminal)
  return {
    onRound: (_, __, round) => (isRepeated ? tolerant(round) : write(round)),
    close: release,
  }
}

async function otlpOutput(
  url: string,
  { isRepeated }: Wanted,
  { config, terminal }: CommandContext,
): Promise<Output> {
  const sender = await otlpSender({ otlp: config.otlp, url })
  if (!isRepeated) {
    return {
      onRound: (_, __, round) =>
        sender.send(round).catch((error: unknown) => {
          throw new UsageError(
            `${messageOf(error)}.`,
            'Check OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS, and that the receiver runs.',
            { cause: error },
          )
        }),
      close: () => sender.close(),
    }
  }
  const behind = newestOnly(tolerate((round) => sender.send(round), terminal))
  return { onRound: (_, __, round) => behind(round), close: () => sender.close() }
}

function printed(
  format: Exclude<MonitorFormat, 'otlp'>,
  { isRepeated, alerts = () => [] }: Wanted,
  { out }: Terminal,
): Output {
  return {
    onRound: async (measurements, takenAt, round) => {
      if (format === 'json') {
        const write = isRepeated ? jsonLine : jsonDocument
        out(write('monitor', monitorJson(round, alerts()), takenAt))
      } else if (format === 'prometheus') out(await prometheusText(measurements))
      // An outage is said elsewhere, once.
      else if (round.outage === undefined) {
        out(
          `${isRepeated ? `${takenAt.toISOString().slice(11, 19)} UTC\n` : ''}${monitorText(round, alerts())}\n`,
        )
      }
    },
  }
}

/** Says once that an output fails, and once that it works again; rounds go on. */
function tolerate(send: (round: Round) => Promise<void>, { err }: Terminal): (round: Round) => Promise<void> {
  let isFailing = false
  return async (round) => {
    try {
      await send(round)
      if (isFailing) err('Metrics are written again.\n')
      isFailing = false
    } catch (error) {
      if (!isFailing) err(`Metrics are not written: ${messageOf(error).replace(/\.$/, '')}. Trying again.\n`)
      isFailing = true
    }
  }
}

/** Does not let rounds wait for a slow receiver: of those that come meanwhile, the newest is sent. */
function newestOnly(send: (round: Round) => Promise<void>): (round: Round) => void {
  let waiting: Round | undefined
  let isSending = false
  const sendWaiting = async () => {
    isSending = true
    for (let round = waiting; round; round = waiting) {
      waiting = undefined
      await send(round)
    }
    isSending = false
  }
  return (round) => {
    waiting = round
    if (!isSending) void sendWaiting()
  }
}
