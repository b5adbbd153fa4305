import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../../postgres/connect.ts'
import { loadMigrations } from '../../migrate/loadMigrations.ts'
import { defaultRunOptions } from '../../migrate/runOptions.ts'
import { up } from '../../migrate/up.ts'
import type { Optimized } from '../../optimize/optimize.ts'
import { optimize } from '../../optimize/optimize.ts'
import { writeMigrations } from '../../optimize/writeMigrations.ts'
import { benchRow } from '../bench.ts'
import type { CasaoraDatabase } from '../casaora/database.ts'
import { readCasaoraWorkload } from '../casaora/database.ts'
import type { BenchRow } from '../row.ts'
import { readHotShares } from './hotShares.ts'
import type { MeasuredStatement, Pair } from './wholeWorkload.ts'
import { isSlower, measureWorkload, weigh } from './wholeWorkload.ts'
import { statementClaims } from './workloadRows.ts'

/** Two copies of one database differ by that share from run to run. */
const noise = 0.02
const mostSlower = 1.15
const hotAtLeast = 0.99

/** Casaora as it was, with the migrations written by hand, and with what `optimize --workload` writes. */
export interface AdvisedSides {
  before: CasaoraDatabase
  byHand: CasaoraDatabase
  byTool: CasaoraDatabase
}

/**
 * Writes and applies what the tool advises for the workload. All indexes together may be as large as the hand-made set:
 * what the tool drops, which it says when it is asked first, makes room for what it builds.
 *
 * @param database a copy of Casaora as it was
 */
export async function applyAdvice(
  database: CasaoraDatabase,
  byHand: CasaoraDatabase,
  onStep: (text: string) => void,
): Promise<Optimized> {
  const directory = await mkdtemp(join(tmpdir(), 'hundredfold-advice-'))
  const owner = await connect(database.ownerUrl)
  const allowed = bytesOf(await readIndexSizes(byHand)) - bytesOf(await readIndexSizes(database))
  const optimizeWithin = async (budget?: number): Promise<Optimized> =>
    optimize(owner, {
      level: 'warn',
      directory,
      workload: {
        statements: await readCasaoraWorkload(),
        complete: true,
        ...(budget === undefined ? {} : { budget }),
      },
      onStep,
    })
  try {
    const { advice } = await optimizeWithin()
    const freed = sum((advice?.drops ?? []).map(({ sizeBytes }) => sizeBytes))
    const optimized = await optimizeWithin(allowed + freed)
    await writeMigrations(directory, optimized.groups)
    onStep(`applying ${optimized.groups.length} migrations`)
    const { failure } = await up(await loadMigrations(directory), {}, { ...defaultRunOptions, client: owner })
    if (failure) throw failure
    await owner.query('ANALYZE')
    return optimized
  } finally {
    await owner.end()
    await rm(directory, { recursive: true, force: true })
  }
}

/** One row for everything, one for each group, one for the bytes, one for HOT updates: the tool beside the hand. */
export async function adviceRows(
  { before, byHand, byTool }: AdvisedSides,
  { groups, choice, advice }: Optimized,
  onStep: (text: string) => void,
  signal?: AbortSignal,
): Promise<BenchRow[]> {
  const measured = await measureBothWays({ before: byHand, after: byTool }, onStep, signal)
  const slower = await slowerThanBefore({ before, after: byTool }, measured, onStep, signal)
  const parts = [
    ...statementClaims.map(({ id, title, statements }) => ({
      id,
      title,
      own: measured.filter(({ statement }) => statements.includes(statement.name)),
    })),
    {
      id: 'policies',
      title: 'All that users send, behind row-level security',
      own: measured.filter(({ statement }) => statement.role !== 'service_role'),
    },
    {
      id: 'writes',
      title: 'Writes',
      own: measured.filter(({ statement }) => /^(?:INSERT|UPDATE|DELETE)\b/.test(statement.sql)),
    },
  ]
  const whole = row('overall', 'The whole workload', measured)
  const [hand, tool] = [await readIndexSizes(byHand), await readIndexSizes(byTool)]
  const statements = sum(groups.map(({ operation }) => operation.up.length))
  return [
    {
      ...whole,
      met: whole.met && slower.length === 0,
      how: `${whole.how}; ${groups.length} files with ${statements} statements for ${choice.cures.length} findings, gap ${((advice?.gap ?? 1) * 100).toFixed(2)} %; slower than before it by more than a tenth and 0.1 ms of the reference machine: ${namesOf(slower, isSlower)}; by more than ${mostSlower} times: ${namesOf(slower, isOverBound)}`,
    },
    ...parts.map(({ id, title, own }) => row(id, title, own)),
    benchRow({
      id: 'advice_bytes',
      title: 'Indexes: the hand-made set, then the advised one',
      claim: 'at most as large',
      before: bytesOf(hand),
      after: bytesOf(tool),
      unit: 'bytes',
      met: bytesOf(tool) <= bytesOf(hand),
      how: `${hand.length} indexes by hand, ${tool.length} by the tool, those of constraints among them`,
    }),
    await hotRow({ before, byHand, byTool }, onStep),
  ]
}

/** The mean of two measurements, in which each database is the first once: what is asked second is a little slower. */
async function measureBothWays(
  { before, after }: Pair,
  onStep: (text: string) => void,
  signal?: AbortSignal,
): Promise<MeasuredStatement[]> {
  const one = await measureWorkload({ before, after }, undefined, onStep, signal)
  const other = await measureWorkload({ before: after, after: before }, undefined, onStep, signal)
  return one.map((each) => {
    const turned = other.find(({ statement }) => statement.name === each.statement.name)
    if (!turned) throw new Error(`${each.statement.name} was measured once`)
    return {
      ...each,
      before: { ...each.before, ms: (each.before.ms + turned.after.ms) / 2 },
      after: { ...each.after, ms: (each.after.ms + turned.before.ms) / 2 },
    }
  })
}

function row(id: string, title: string, own: MeasuredStatement[]): BenchRow {
  const { beforeMs, afterMs, beforeBuffers, afterBuffers } = weigh(own)
  const calls = sum(own.map(({ statement }) => statement.calls))
  return benchRow({
    id: `advice_${id}`,
    title: `${title}: the hand-made set, then the advised one`,
    claim: 'at least as fast',
    before: beforeMs / calls,
    after: afterMs / calls,
    unit: 'ms',
    met: afterMs <= beforeMs * (1 + noise),
    buffers: { before: Math.round(beforeBuffers / calls), after: Math.round(afterBuffers / calls) },
    how: `${own.length} statements; mean of a call weighted by frequency, on each database in turn, planning included; ${noise * 100} % are noise`,
  })
}

/** Statements that the tool's set has not made at least twice as fast, measured beside the database as it was. */
async function slowerThanBefore(
  pair: Pair,
  measured: readonly MeasuredStatement[],
  onStep: (text: string) => void,
  signal?: AbortSignal,
): Promise<MeasuredStatement[]> {
  const quick = new Set(
    measured.filter(({ after }) => after.ms < quickMs).map(({ statement }) => statement.name),
  )
  const again = await measureWorkload(pair, quick, onStep, signal)
  return again.filter((each) => isSlower(each) || isOverBound(each))
}

const quickMs = 2
const isOverBound = ({ before, after }: MeasuredStatement): boolean => after.ms > before.ms * mostSlower

function namesOf(measured: readonly MeasuredStatement[], which: (one: MeasuredStatement) => boolean): string {
  const names = measured
    .filter(which)
    .map(({ statement, before, after }) => `${statement.name} (+${(after.ms - before.ms).toFixed(2)} ms)`)
  return names.length === 0 ? 'none' : names.join(', ')
}

async function hotRow(
  { before, byHand, byTool }: AdvisedSides,
  onStep: (text: string) => void,
): Promise<BenchRow> {
  onStep('counting HOT updates')
  const [was, hand, tool] = [
    await readHotShares(before),
    await readHotShares(byHand),
    await readHotShares(byTool),
  ]
  const kept = [...was].filter(([table, share]) => share > 0 && (hand.get(table) ?? 0) >= share * hotAtLeast)
  const ratios = kept.map(([table, share]) => ({ table, ratio: (tool.get(table) ?? 0) / share }))
  const least = ratios.reduce((low, each) => (each.ratio < low.ratio ? each : low), {
    table: '',
    ratio: Infinity,
  })
  return {
    id: 'advice_hot',
    title: 'HOT updates, where the hand-made set keeps them: the least of what is left',
    claim: 'at least 0.99 of before',
    before: 1,
    after: Number(least.ratio.toPrecision(4)),
    ratio: Number(least.ratio.toPrecision(4)),
    unit: 'of before',
    met: least.ratio >= hotAtLeast,
    how: `updates of 7 tables by key, from rows that have room beside them; ${ratios.map(({ table, ratio }) => `${table} ${ratio.toFixed(2)}`).join(', ')}`,
  }
}

interface IndexSize {
  name: string
  bytes: number
}

async function readIndexSizes(database: CasaoraDatabase): Promise<IndexSize[]> {
  const client = await connect(database.superuserUrl)
  try {
    const { rows } = await client.query<{ name: string; bytes: string }>(
      `SELECT class.relname AS name, pg_catalog.pg_relation_size(class.oid) AS bytes
       FROM pg_catalog.pg_class class
       WHERE class.relkind = 'i' AND class.relnamespace = 'public'::pg_catalog.regnamespace`,
    )
    return rows.map(({ name, bytes }) => ({ name, bytes: Number(bytes) }))
  } finally {
    await client.end()
  }
}

const bytesOf = (sizes: readonly IndexSize[]): number => sum(sizes.map(({ bytes }) => bytes))
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
