import { randomBytes } from 'node:crypto'
import { connect } from '../../postgres/connect.ts'
import { quote } from '../../postgres/identifiers.ts'
import { provideServer } from '../../servers/provideServer.ts'
import type { Server } from '../../servers/server.ts'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { median } from '../../median.ts'
import { benchRow, inGroup } from '../bench.ts'
import { casaoraServer, createCasaora, readCasaoraWorkload } from '../casaora/database.ts'
import { forkBeside } from '../forkBeside.ts'
import { officeSize } from '../officeSchema.ts'
import type { BenchRow } from '../row.ts'
import type { AdviseMessage, AdviseOrder, AdviseOutcome } from './adviseProcess.ts'
import { fillOffice, officeStatements } from './officeWorkload.ts'

const few = { id: 'advise_30', statements: 30, atMostMs: 20_000, atMostGap: 0.02, runs: 3 }
const many = { id: 'advise_500', statements: 500, atMostMs: 300_000, atMostBytes: 1_000_000_000 }

/** How long `advise` takes, from the copy of the schema to the proof, and with how much memory. */
export const adviseScaleBench: Bench = {
  id: 'advise_scale',
  title: 'Advice for many statements',
  rowIds: [few.id, many.id],
  async run(context) {
    const wants = (id: string): boolean => context.only?.some((wanted) => inGroup(id, wanted)) ?? true
    const all = context.only?.includes('advise_scale') ?? false
    const server = await provideServer(context.config, casaoraServer)
    try {
      return [
        ...(all || wants(few.id) ? [await fewRow(server, context)] : []),
        ...(all || wants(many.id) ? [await manyRow(server, context)] : []),
      ]
    } finally {
      await server.stop()
    }
  },
}

/** The marketplace's statements that are sent most often by a role that policies bind. */
async function fewRow(server: Server, context: BenchContext): Promise<BenchRow> {
  const { id, statements, atMostMs, atMostGap, runs } = few
  const casaora = await createCasaora(server, context.rows === 'tiny' ? 'tiny' : 'small', context.onStep)
  try {
    const workload = (await readCasaoraWorkload())
      .filter(({ role }) => role !== undefined)
      .sort((a, b) => b.calls - a.calls)
      .slice(0, statements)
    const outcomes: AdviseOutcome[] = []
    for (let run = 1; run <= runs; run += 1) {
      outcomes.push(await adviseApart(casaora.superuserUrl, workload, context))
    }
    const ms = median(outcomes.map((outcome) => outcome.ms))
    const gap = Math.max(...outcomes.map((outcome) => outcome.gap))
    return benchRow({
      id,
      title: `Advice for ${workload.length} statements behind policies: the limit, then from the copy of the schema to the proof`,
      claim: `under ${atMostMs / 1000} s with a gap of at most ${atMostGap * 100} %`,
      before: atMostMs,
      after: ms,
      unit: 'ms',
      met: workload.length === statements && ms < atMostMs && gap <= atMostGap,
      how: `the median of ${runs} runs; ${outcomes.map(describe).at(-1)}`,
    })
  } finally {
    await casaora.drop()
  }
}

async function manyRow(server: Server, context: BenchContext): Promise<BenchRow> {
  const { id, statements, atMostMs, atMostBytes } = many
  const name = `office_${randomBytes(4).toString('hex')}`
  const administrator = await connect(server.url())
  try {
    await administrator.query(`CREATE DATABASE ${quote(name)}`)
    const client = await connect(server.url(name))
    try {
      context.onStep(`filling ${officeSize.tables} tables`)
      await fillOffice(client)
    } finally {
      await client.end()
    }
    const workload = officeStatements(context.rows === 'tiny' ? 20 : statements)
    const outcome = await adviseApart(server.url(name), workload, context)
    const bytes = outcome.peakBytes + (outcome.server?.peakBytes ?? 0)
    return benchRow({
      id,
      title: `Advice for ${workload.length} statements on ${officeSize.tables} tables: the limit, then from the copy of the schema to the proof`,
      claim: `under ${atMostMs / 60_000} minutes and ${atMostBytes / 1_000_000_000} GB`,
      before: atMostMs,
      after: outcome.ms,
      unit: 'ms',
      met: outcome.ms < atMostMs && bytes < atMostBytes,
      how: describe(outcome),
    })
  } finally {
    await administrator.query(`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`)
    await administrator.end()
  }
}

function describe({ cpuMs, peakBytes, server, indexes, leftOut, gap, cost }: AdviseOutcome): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1_000_000)} MB`
  return [
    `a gap of ${(gap * 100).toFixed(2)} %`,
    `${indexes} indexes that make the workload cost ${(cost.before / cost.after).toFixed(1)} times less`,
    ...(leftOut > 0 ? [`${leftOut} statements left out`] : []),
    `processor time ${seconds(cpuMs)}${server ? ` and ${seconds(server.cpuMs)} of the shadow` : ''}`,
    `at most ${megabytes(peakBytes)} of memory${server ? ` and ${megabytes(server.peakBytes)} of the shadow` : ''}`,
  ].join(', ')
}

/** Runs `advise` in a process of its own. */
async function adviseApart(
  url: string,
  workload: WorkloadStatement[],
  { onStep, signal }: BenchContext,
): Promise<AdviseOutcome> {
  const child = forkBeside(import.meta.url, 'adviseProcess')
  const stop = (): void => void child.kill()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    return await new Promise<AdviseOutcome>((resolve, reject) => {
      child.on('message', (message: AdviseMessage) => {
        if ('step' in message) onStep(message.step)
        else if ('outcome' in message) resolve(message.outcome)
        else reject(new Error(message.failure))
      })
      child.once('exit', (code) => reject(new Error(`The process of advise ended with ${code}.`)))
      child.send({ url, workload } satisfies AdviseOrder)
    })
  } finally {
    signal?.removeEventListener('abort', stop)
    if (child.connected) child.kill()
  }
}
