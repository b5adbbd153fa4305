import { connect } from '../../postgres/connect.ts'
import { findProgram } from '../../servers/programs.ts'
import { provideServer } from '../../servers/provideServer.ts'
import type { Server } from '../../servers/server.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { benchRow, inGroup } from '../bench.ts'
import { casaoraServer } from '../casaora/database.ts'
import type { BenchRow } from '../row.ts'
import { adviceRows, applyAdvice } from './adviceRows.ts'
import { bloatRows } from './bloat.ts'
import { poolingRows } from './pooling.ts'
import type { Series, Twins } from './twins.ts'
import { copyOf, dropUselessIndexes, makeTwins } from './twins.ts'
import { measureWorkload } from './wholeWorkload.ts'
import { bestRow, groupRows, overallRows, statementClaims, userFacingRow } from './workloadRows.ts'
import { writeRows } from './writes.ts'

const groups = statementClaims.map(({ id }) => id)
const workload = ['rls', 'single_query', 'overall', 'overall_buffers']
const writes = ['writes', 'writes_wal', 'writes_all', 'writes_hot']
const bloat = ['bloat', 'bloat_scan']
const advice = [
  'advice_overall',
  'advice_availability',
  'advice_search',
  'advice_reviews',
  'advice_policies',
  'advice_writes',
  'advice_bytes',
  'advice_hot',
]
const pooling = ['pooling', 'pooling_trust', 'pooling_saturation', 'pooling_clients']

const writeRounds = 8
const seriesAtMostMs = 60_000
const returnedAtLeast = 10 * 1024 * 1024

/** Every result that the plan expects, on Casaora as it was and with every migration applied, from one load. */
export const claimsBench: Bench = {
  id: 'claims',
  title: "The plan's expected results",
  rowIds: [...groups, ...workload, ...writes, 'unused_indexes', ...bloat, ...advice, ...pooling, 'series'],
  async run(context) {
    const server = await provideServer(context.config, casaoraServer)
    try {
      context.onServer?.(await readVersion(server))
      const twins = await makeTwins(server, context.rows, context.onStep)
      try {
        return (await measureClaims(server, twins, context)).filter(({ id }) => isWanted(context, id))
      } finally {
        if (server.kind !== 'embedded') {
          await twins.after.drop()
          await twins.before.drop()
        }
      }
    } finally {
      await server.stop()
    }
  },
}

async function measureClaims(server: Server, twins: Twins, context: BenchContext): Promise<BenchRow[]> {
  const wants = (ids: string[]): boolean => ids.some((id) => isWanted(context, id))
  const rows: BenchRow[] = []
  if (wants([...groups, ...workload])) rows.push(...(await workloadRows(twins, context)))
  // The copies are made before the writes, which change the databases.
  if (wants(advice)) rows.push(...(await advised(server, twins, context)))
  if (wants(bloat))
    rows.push(...(await onCopy(server, twins, (copy) => bloatRows(twins.before, copy, context.onStep))))
  if (wants(writes)) {
    rows.push(
      ...(await onCopy(server, twins, async (dropped) => {
        context.onStep('dropping the useless indexes of a copy')
        await dropUselessIndexes(dropped)
        const sides = { before: twins.before, dropped, after: twins.after }
        return writeRows(sides, context.rows === 'tiny' ? 2 : writeRounds, context.onStep)
      })),
    )
  }
  rows.push(...seriesRows(twins.series, context))
  if (wants(pooling)) rows.push(...(await pooled(twins, context)))
  return rows
}

async function workloadRows(twins: Twins, context: BenchContext): Promise<BenchRow[]> {
  const whole = workload.some((id) => isWanted(context, id))
  const named = statementClaims.filter(({ id }) => isWanted(context, id))
  const names = whole ? undefined : new Set(named.flatMap(({ statements }) => statements))
  const measured = await measureWorkload(twins, names, context.onStep, context.signal)
  const claims = whole ? statementClaims : named
  if (!whole) return groupRows(claims, measured)
  return [
    ...groupRows(claims, measured),
    userFacingRow(measured),
    bestRow(measured),
    ...overallRows(measured),
  ]
}

async function advised(server: Server, twins: Twins, { onStep, signal }: BenchContext): Promise<BenchRow[]> {
  const { before, after: byHand } = twins
  return onCopy(server, twins, async (byTool) => {
    const optimized = await applyAdvice(byTool, byHand, onStep)
    return adviceRows({ before, byHand, byTool }, optimized, onStep, signal)
  })
}

function seriesRows({ migrations, ms, dropped }: Series, { rows }: BenchContext): BenchRow[] {
  const returned = dropped.bytesBefore - dropped.bytesAfter
  return [
    benchRow({
      id: 'unused_indexes',
      title: `The database, before and after ${dropped.count} useless indexes go`,
      claim: '5-10 MB',
      before: dropped.bytesBefore,
      after: dropped.bytesAfter,
      unit: 'bytes',
      met: returned >= returnedAtLeast,
      how: `pg_database_size around the migrations that drop them: ${Math.round(returned / 1024 / 1024)} MB returned; the new indexes are there already`,
    }),
    // The limit is meant for the small data: with more rows, building indexes takes longer.
    ...(rows === 'small'
      ? [
          benchRow({
            id: 'series',
            title: `All ${migrations} migrations up, against the limit`,
            claim: 'at most 60 s',
            before: seriesAtMostMs,
            after: ms,
            unit: 'ms',
            met: ms <= seriesAtMostMs,
            how: 'as the owner, with conditions before and after each, concurrent builds and the ledger',
          }),
        ]
      : []),
  ]
}

async function pooled(twins: Twins, { config, onStep, onSkip }: BenchContext): Promise<BenchRow[]> {
  const program = findProgram('pgbouncer', config.path)
  if (program) return poolingRows(twins.after, program, onStep)
  for (const id of pooling) {
    onSkip?.(id, 'PgBouncer is not installed; scripts/install-test-engines.sh brings it')
  }
  return []
}

async function onCopy(
  server: Server,
  { before }: Twins,
  work: (copy: Twins['before']) => Promise<BenchRow[]>,
): Promise<BenchRow[]> {
  const copy = await copyOf(server, before)
  try {
    return await work(copy)
  } finally {
    await copy.drop()
  }
}

async function readVersion(server: Server): Promise<string> {
  const client = await connect(server.url())
  try {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
    return rows[0]?.server_version ?? `${server.version}`
  } finally {
    await client.end()
  }
}

function isWanted({ only }: BenchContext, id: string): boolean {
  return only === undefined || only.some((wanted) => wanted === 'claims' || inGroup(id, wanted))
}
