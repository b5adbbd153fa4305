import { UsageError, messageOf } from '../errors.ts'
import { HistoryFile, historyPath } from '../history/historyFile.ts'
import type { AlertState } from '../operate/alerts/rounds.ts'
import type { ListenAddress, MetricsPage } from '../operate/monitor/metricsServer.ts'
import { serveMetrics } from '../operate/monitor/metricsServer.ts'
import { claimFile } from '../operate/monitor/ownFile.ts'
import type { Round } from '../operate/monitor/round.ts'
import type { RoundListener } from '../operate/monitor/rounds.ts'
import { parseTarget } from '../postgres/connect.ts'
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
  /** Nobody looks at it meanwhile, so people see the rounds too. */
  isSilent?: boolean
}

interface Wanted {
  format?: MonitorFormat
  listen?: ListenAddress
  textfile?: string
  /** A file; by default the usual one where rounds go on; false for none. */
  history?: string | false
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
    // A few lines of a round need no history, unless somebody asks for it.
    const history = wanted.history ?? wanted.isRepeated
    if (history !== false) outputs.push(await historyOutput(history, url, wanted, terminal))
    if (wanted.format === 'otlp') outputs.push(await otlpOutput(url, wanted, context))
    else if (wanted.format ?? outputs.every(({ isSilent }) => isSilent))
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

async function historyOutput(
  wanted: string | true,
  url: string,
  { isRepeated }: Wanted,
  terminal: Terminal,
): Promise<Output> {
  const { database } = parseTarget(url)
  const path = wanted === true ? historyPath(database) : wanted
  const file = new HistoryFile(path, database)
  // The usual place may be one that nobody can write to: then there is no history. A place that was named has to work.
  if (wanted !== true) await file.open()
  else if (!(await opened(file, terminal))) return { onRound: () => undefined, isSilent: true }
  const add = ({ measurements, takenAt }: Round) => file.add(measurements, takenAt)
  const tolerant = tolerate(add, terminal)
  return {
    onRound: (_, __, round) => (isRepeated ? tolerant(round) : add(round)),
    close: () => file.flush(),
    isSilent: true,
  }
}

async function opened(file: HistoryFile, { err }: Terminal): Promise<boolean> {
  try {
    await file.open()
    return true
  } catch (error) {
    err(`No history is kept: ${messageOf(error)}\n`)
    return false
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
