import type { Client } from 'pg'
import { advise } from '../../advisor/advise.ts'
import { definitionOf } from '../../advisor/candidates.ts'
import { readCatalogOfCandidates } from '../../advisor/catalogOfCandidates.ts'
import { costOf } from '../../advisor/configurations.ts'
import type { WhatIf } from '../../advisor/whatIf.ts'
import { openWhatIf } from '../../advisor/whatIf.ts'
import type { Wishes } from '../../advisor/wishes.ts'
import { gatherWishes } from '../../advisor/wishes.ts'
import { loadMigrations } from '../../migrate/loadMigrations.ts'
import { defaultRunOptions } from '../../migrate/runOptions.ts'
import { readScript } from '../../migrate/script.ts'
import { rewriteRules } from '../../policies/rewrite/change.ts'
import { connect } from '../../postgres/connect.ts'
import { bytes as sayBytes, duration } from '../../report/units.ts'
import { startEmbedded } from '../../servers/embedded.ts'
import { installedVersions } from '../../servers/installation.ts'
import { openPlanner } from '../../shadow/planner/openPlanner.ts'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { benchRow, inGroup } from '../bench.ts'
import type { CasaoraDatabase } from '../casaora/database.ts'
import { casaoraMigrations, casaoraServer, createCasaora, readCasaoraWorkload } from '../casaora/database.ts'
import type { BenchRow } from '../row.ts'
import type { Real, RealInput } from './buildForReal.ts'
import { buildForReal, widthBy } from './buildForReal.ts'
import type { IndexAdvisor } from './indexAdvisor.ts'
import { askIndexAdvisor, findIndexAdvisor } from './indexAdvisor.ts'
import type { Moves } from './publishedSearches.ts'
import { autoAdmin, extend, leaveOneOut } from './publishedSearches.ts'
import type { SearchProblem } from './searchProblem.ts'
import { searchProblem } from './searchProblem.ts'
import { widenedColumns } from './widenedColumns.ts'

/** HypoPG is Debian's, which is built for this version. */
const version = 15
/** Of the tables' own bytes: less than all that would help. */
const budgetShare = 1 / 8
const mostColumns = 3

/** Who chose indexes, and how long that took. */
interface Contender {
  id: string
  name: string
  definitions: string[]
  ms: number
}

/** Our choice of indexes and those of others, for one workload and one budget, built and planned. */
export const peersBench: Bench = {
  id: 'advise_peers',
  title: 'Our indexes and those of others',
  rowIds: [
    'advise_peers',
    'advise_peers_index_advisor',
    'advise_peers_extend',
    'advise_peers_extend_same',
    'advise_peers_autoadmin',
    'advise_peers_leave_one_out',
  ],
  async run(context: BenchContext) {
    const { onStep, onServer, onSkip, rows } = context
    if (!installedVersions().includes(version)) {
      onSkip?.(
        'advise_peers',
        `PostgreSQL ${version} is not installed; scripts/install-test-engines.sh brings it`,
      )
      return []
    }
    const server = await startEmbedded({ ...casaoraServer, version, settings: { autovacuum: 'off' } })
    try {
      onServer?.(`${version}`)
      const database = await createCasaora(server, rows, onStep)
      onStep('rewriting the policies')
      await rewritePolicies(database)
      const client = await connect(database.superuserUrl)
      try {
        return await comparePeers(client, await readCasaoraWorkload(), context)
      } finally {
        await client.end()
      }
    } finally {
      await server.stop()
    }
  },
}

/** Policies as `optimize` leaves them: as they were, most statements ask a function for each row, whatever the indexes. */
async function rewritePolicies({ ownerUrl }: CasaoraDatabase): Promise<void> {
  const wanted = (await loadMigrations(casaoraMigrations)).filter(({ optimization }) =>
    rewriteRules.some((rule) => rule === optimization?.rule),
  )
  const client = await connect(ownerUrl)
  try {
    for (const migration of wanted) {
      const { statements } = await readScript(migration, 'up', { ...defaultRunOptions, client })
      for (const { sql } of statements) await client.query(sql)
    }
  } finally {
    await client.end()
  }
}

/** Lets everybody choose, builds each choice in turn and compares. */
export async function comparePeers(
  client: Client,
  workload: WorkloadStatement[],
  { only, config, onStep, onSkip }: Pick<BenchContext, 'only' | 'config' | 'onStep' | 'onSkip'>,
): Promise<BenchRow[]> {
  const wanted = (id: string): boolean =>
    only === undefined || only.some((each) => each === 'advise_peers' || inGroup(id, each))
  // For everybody: an operator class for parts of words.
  await client.query('CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA extensions')
  const budget = Math.round((await tableBytes(client)) * budgetShare)
  const started = performance.now()
  const advice = await advise(client, workload, { budget, needs: [], onStep })
  const ours: Contender = {
    id: 'advise_peers',
    name: 'ours',
    definitions: advice.indexes.map(({ candidate }) => definitionOf(candidate)),
    ms: performance.now() - started,
  }
  const { contenders, wishes } = await searchOthers(client, workload, budget, onStep)
  const advisor = findIndexAdvisor(config.indexAdvisorSql)
  if (typeof advisor === 'string') onSkip?.('advise_peers_index_advisor', advisor)
  else contenders.push(await askSupabase(client, workload, advisor, onStep))

  const input: RealInput = {
    planned: [...wishes.byStatement.keys()],
    workload,
    uses: wishes.uses,
    width: widthBy(await readCatalogOfCandidates(client)),
    // What was estimated a little too small is no reason to leave it out.
    budget: budget * 1.05,
  }
  onStep('planning and running without new indexes')
  const base = await buildForReal(client, [], input)
  onStep('building ours')
  const own = await buildForReal(client, ours.definitions, input)
  const rows: BenchRow[] = []
  if (wanted('advise_peers')) {
    rows.push(
      rowOf(ours.id, 'The workload without new indexes, then with ours', base, own, {
        how: `${say(ours, own, base)}; gap ${(100 * advice.gap).toPrecision(2)} %; budget ${sayBytes(budget)}; policies as optimize rewrites them; PostgreSQL ${version}`,
      }),
    )
  }
  for (const contender of contenders.filter(({ id }) => wanted(id))) {
    onStep(`building those of ${contender.name}`)
    const theirs = await buildForReal(client, contender.definitions, input)
    rows.push(
      rowOf(contender.id, `The workload with indexes of ${contender.name}, then with ours`, theirs, own, {
        how: `theirs: ${say(contender, theirs, base)}; ours: ${say(ours, own, base)}`,
      }),
    )
  }
  return rows
}

function rowOf(id: string, title: string, before: Real, after: Real, { how }: { how: string }): BenchRow {
  const [theirs, ours] = [totalOf(before), totalOf(after)]
  return benchRow({
    id,
    title,
    claim: 'ours costs at most theirs, with the same budget',
    before: theirs,
    after: ours,
    unit: 'units',
    met: ours <= theirs,
    buffers: { before: before.buffers, after: after.buffers },
    how,
  })
}

const totalOf = ({ cost, upkeep }: Real): number => cost + upkeep

function say({ ms }: Contender, real: Real, base: Real): string {
  return `${(totalOf(real) / totalOf(base)).toPrecision(3)} of the cost without (${(real.cost / base.cost).toPrecision(3)} without upkeep), ${(real.buffers / base.buffers).toPrecision(3)} of its buffers, ${real.indexes} indexes of ${sayBytes(real.bytes)}${real.leftOut > 0 ? ` (${real.leftOut} more have no room)` : ''}, decided in ${duration(ms)}`
}

/** The searches that were published, on our what-if planner: with their own plain B-trees, and with our candidates. */
async function searchOthers(
  client: Client,
  workload: readonly WorkloadStatement[],
  budget: number,
  onStep: (text: string) => void,
): Promise<{ contenders: Contender[]; wishes: Wishes }> {
  const opening = performance.now()
  const planner = await openPlanner(client)
  try {
    const session = await planner.connect()
    const catalog = await readCatalogOfCandidates(session)
    const wishes = await gatherWishes(session, workload, catalog).finally(() => session.end())
    const plain = widenedColumns(wishes, mostColumns)
    const all = new Map([...wishes.candidates, ...plain.candidates])
    onStep(`building ${all.size} candidates of all searches, empty`)
    const whatIf = await openWhatIf(planner, [...all.values()])
    const opened = performance.now() - opening
    try {
      const problemOf = ({ byStatement }: Pick<Wishes, 'byStatement'>): Promise<SearchProblem> =>
        searchProblem({ whatIf, wishes: { byStatement, uses: wishes.uses }, width: widthBy(catalog), budget })
      const contenders: Contender[] = []
      for (const { id, name, from, choose } of searches) {
        onStep(`${name}: choosing`)
        const started = performance.now()
        const problem = await problemOf(from === 'plain' ? plain : wishes)
        const chosen = await choose(problem, whatIf)
        contenders.push({
          id,
          name,
          definitions: problem.choosable
            .filter(({ oid }) => chosen.has(oid))
            .map(({ candidate }) => definitionOf(candidate)),
          ms: opened + performance.now() - started,
        })
      }
      return { contenders, wishes }
    } finally {
      await whatIf.close()
    }
  } finally {
    await planner.close()
  }
}

interface Search {
  id: string
  name: string
  /** Plain B-trees of one column, widened, as published; or the candidates that we choose from. */
  from: 'plain' | 'ours'
  choose: (problem: SearchProblem, whatIf: WhatIf) => Promise<Set<number>>
}

const searches: Search[] = [
  {
    id: 'advise_peers_extend',
    name: 'Extend',
    from: 'plain',
    choose: (problem) => extend(problem, byColumn(problem)),
  },
  {
    id: 'advise_peers_extend_same',
    name: 'Extend with our candidates',
    from: 'ours',
    choose: (problem) => extend(problem, { ...byColumn(problem), isStart: () => true }),
  },
  {
    id: 'advise_peers_autoadmin',
    name: 'AutoAdmin',
    from: 'plain',
    choose: (problem) => autoAdmin(problem, byColumn(problem), mostColumns),
  },
  {
    id: 'advise_peers_leave_one_out',
    name: 'leave-one-out with our candidates',
    from: 'ours',
    choose: async (problem, whatIf) => leaveOneOut(problem, await usedOfAll(problem, whatIf)),
  },
]

/** From one column on, each step adds the next one. */
function byColumn({ statements, relevant }: SearchProblem): Moves {
  return {
    choosable: [...new Set(statements.flatMap(relevant))],
    isStart: ({ candidate }) => candidate.keys.length === 1,
    widens: (wider, other) =>
      wider.index.tableOid === other.index.tableOid &&
      wider.candidate.method === other.candidate.method &&
      wider.candidate.predicate === other.candidate.predicate &&
      wider.candidate.keys.length > other.candidate.keys.length &&
      other.candidate.keys.every((key, at) => wider.candidate.keys[at] === key),
  }
}

/** What plans use where everything is there. */
async function usedOfAll({ statements, relevant }: SearchProblem, whatIf: WhatIf): Promise<Set<number>> {
  const today = whatIf.options.filter(({ candidate }) => !candidate).map(({ index }) => index.oid)
  const used = new Set<number>()
  for (const statement of statements) {
    const own = relevant(statement).map(({ oid }) => oid)
    const { options } = await costOf(whatIf, statement, new Set([...today, ...own]))
    for (const oid of options) if (!today.includes(oid)) used.add(oid)
  }
  return used
}

async function askSupabase(
  client: Client,
  workload: readonly WorkloadStatement[],
  advisor: IndexAdvisor,
  onStep: (text: string) => void,
): Promise<Contender> {
  onStep('asking index_advisor')
  const started = performance.now()
  const wanted = await askIndexAdvisor(client, advisor, workload)
  return {
    id: 'advise_peers_index_advisor',
    name: "Supabase's index_advisor",
    // `CREATE INDEX ON public.bookings USING btree (customer_id)`
    definitions: wanted.map(({ sql }) => sql.replace(/^CREATE INDEX /, '')),
    ms: performance.now() - started,
  }
}

async function tableBytes(client: Client): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    `SELECT sum(pg_relation_size(c.oid)) AS bytes FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname = 'public'`,
  )
  return Number(rows[0]?.bytes)
}
