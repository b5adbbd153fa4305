import { cacheOutbox } from '../../catalog/cacheOutbox.ts'
import type { CacheTable } from '../../catalog/cacheTables.ts'
import { findTriggersInto } from '../../catalog/cacheTables.ts'
import { listColumnStatistics, statisticsByColumn } from '../../catalog/columnStatistics.ts'
import { NotSeen } from '../../catalog/notSeen.ts'
import { findRightsOf } from '../../catalog/readRights.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { readStatements } from '../../catalog/statements.ts'
import type { StatementPlan } from '../../catalog/statementPlan.ts'
import { explainGeneric } from '../../catalog/statementPlan.ts'
import type { Table } from '../../catalog/tables.ts'
import { listTables } from '../../catalog/tables.ts'
import { display } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import { excerpt } from '../../syntax/excerpt.ts'
import { as, nodesIn } from '../../syntax/nodes.ts'
import { withoutLiterals } from '../../syntax/withoutLiterals.ts'
import { flatten } from '../../workload/slowQueryCauses.ts'
import { estimated, measured } from '../remedies.ts'
import type { Rule, Violation } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { cacheRemedy } from './caching/cacheRemedy.ts'
import type { StatisticsOf } from './caching/hitRatio.ts'
import { countKeys, expectedHitRatio } from './caching/hitRatio.ts'
import type { CacheLimits, HotRead } from './caching/hotReads.ts'
import { listHotReads } from './caching/hotReads.ts'
import { readKnown } from './caching/readKnown.ts'
import type { Known, ReadTable } from './caching/statementReads.ts'
import { followStatement } from './caching/statementReads.ts'
import type { TableTag } from './caching/tableTags.ts'
import { tagsOf } from './caching/tableTags.ts'
import { whatIsHidden } from './hiddenStatements.ts'

/** Once a minute, a hundredth of one processor and a fiftieth of what all statements take. */
const defaultLimits: CacheLimits = {
  callsAnHour: 60,
  msAnHour: 36_000,
  share: 0.02,
  hitRatio: 0.8,
  startsWithinMs: 60_000,
}
/** A larger answer takes longer to read from a cache than it saves. */
const mostBytes = 1_048_576

/** A read whose answers may be shared. */
interface Candidate {
  read: HotRead
  tags: TableTag[]
  keys: number
  bytes: number
  hitRatio: number
  writes: number
}

/**
 * Reads that are called often, take much, and give everybody the same rows of tables that seldom change: a cache can answer
 * them. What depends on who asks or on the time is never named.
 *
 * ```ts
 * await database.query('SELECT * FROM cities ORDER BY name')                                             // before
 * await cache.get('cities', { tags: ['cities'], ttl: 3_600_000 }, () => database.query('SELECT ...'))    // after
 * ```
 */
export const cacheCandidate = cacheCandidateFrom()

/** The rule with other limits. */
export function cacheCandidateFrom(limits: Partial<CacheLimits> = {}): Rule {
  const all = { ...defaultLimits, ...limits }
  return {
    name: 'cache_candidate',
    finds: 'reads that cost much and give everybody the same rows of tables that seldom change',
    cure: 'steps for a cache that the database invalidates: tags for these tables, and the code',
    async find(context) {
      try {
        const { hidden } = await context.read(readStatements)
        const { reads, hours, unclear } = await listHotReads(context, all)
        const candidates: Candidate[] = []
        if (reads.length > 0) {
          const known = await readKnown(
            context,
            reads.map(({ node }) => node),
          )
          const relations = Array.from(known.reach.relations.values()).flat()
          for (const read of reads) {
            const { id, role } = read.statement
            const rights = await findRightsOf(
              context.db,
              role,
              relations.map(({ oid }) => oid),
            )
            const { tables, refusals } = followStatement(read.node, rights, known)
            const doubt = refusals.every(({ isUnclear }) => isUnclear) ? refusals[0] : undefined
            if (doubt) unclear.push(`${id}: ${doubt.reason}`)
            if (refusals.length > 0 || tables.length === 0) continue
            const judged = await judge(context, read, { tables, known, hours })
            if (typeof judged === 'string') unclear.push(`${id}: ${judged}`)
            else if (judged && judged.hitRatio >= all.hitRatio) candidates.push(judged)
          }
        }
        const findings = await toFindings(context, candidates, hours)
        if (hidden.statements > 0) throw new CannotSee(whatIsHidden(hidden.statements), findings)
        if (unclear.length > 0) {
          throw new CannotSee(
            `Nobody can tell whether these statements give everybody the same: ${shortList(unclear, '; ')}.`,
            findings,
          )
        }
        return findings
      } catch (error) {
        if (error instanceof NotSeen && !(error instanceof CannotSee)) throw new CannotSee(error.message)
        throw error
      }
    },
  }
}

/** A candidate; undefined where nothing speaks for it, and a phrase where nobody can tell. */
async function judge(
  context: Snapshot,
  read: HotRead,
  { tables, known, hours }: { tables: ReadTable[]; known: Known; hours: number },
): Promise<Candidate | string | undefined> {
  const { statement, node, select, rowsPerCall } = read
  let plan: StatementPlan
  try {
    plan = await explainGeneric(context.db, statement)
  } catch (error) {
    if (error instanceof NotSeen) return error.message
    throw error
  }
  const stranger = findStranger(plan, tables, known.cacheTables)
  if (stranger !== undefined) return `its plan reads ${stranger}, which its text does not name`
  const tags = tagsOf(select, tables)
  if (!tags) return 'the names of its tables cannot be tags'
  const statisticsOf = statisticsByColumn(await context.read(listColumnStatistics))
  const keys = countKeys(node, tables, statisticsOf)
  const bytes = rowsPerCall * (plan.root['Plan Width'] ?? 0)
  if (keys === undefined || bytes > mostBytes) return undefined
  const writes = countWrites(tables, known.cacheTables, await context.read(listTables))
  const hitRatio = ratioOf({ tags, keys, calls: statement.calls, hours, writes, statisticsOf })
  const written = Array.from(writes.values()).reduce((sum, each) => sum + each, 0)
  return { read, tags, keys, bytes, hitRatio, writes: written }
}

function ratioOf(asked: {
  tags: TableTag[]
  keys: number
  calls: number
  hours: number
  writes: Map<number, number>
  statisticsOf: StatisticsOf
}): number {
  const { tags, keys, calls, hours, writes, statisticsOf } = asked
  return expectedHitRatio(tags, keys, { calls, hours, writes }, statisticsOf)
}

/** A relation of the plan that is neither one of the tables nor a partition of one. */
function findStranger(
  { root }: StatementPlan,
  tables: readonly ReadTable[],
  cacheTables: ReadonlyMap<number, CacheTable>,
): string | undefined {
  const expected = new Set(
    tables.flatMap(({ table }) => [table, ...(cacheTables.get(table.oid)?.descendants ?? [])].map(display)),
  )
  return flatten(root)
    .flatMap(({ Schema: schema, 'Relation Name': name }) => (schema && name ? display({ schema, name }) : []))
    .find((each) => !expected.has(each))
}

/** Rows written since tables are counted, those of partitions too. */
function countWrites(
  tables: readonly ReadTable[],
  cacheTables: ReadonlyMap<number, CacheTable>,
  counted: Table[],
): Map<number, number> {
  const written = new Map(counted.map((each) => [display(each), each.inserts + each.updates + each.deletes]))
  return new Map(
    tables.map(({ table }) => {
      const all = [table, ...(cacheTables.get(table.oid)?.descendants ?? [])]
      return [table.oid, all.reduce((sum, each) => sum + (written.get(display(each)) ?? 0), 0)]
    }),
  )
}

async function toFindings(context: Snapshot, candidates: Candidate[], hours: number): Promise<Violation[]> {
  const wanted = new Map<number, string[]>()
  const announcing = new Set<number>()
  for (const { table, template } of candidates.flatMap(({ tags }) => tags)) {
    const known = wanted.get(table.oid) ?? []
    if (!known.includes(template)) wanted.set(table.oid, [...known, template])
    if ((await findTriggersInto(context.db, table, cacheOutbox.schema)).length > 0) announcing.add(table.oid)
  }
  return candidates.map((candidate): Violation => {
    const { read, tags, keys, bytes, hitRatio, writes } = candidate
    const { statement, node, rowsPerCall } = read
    const parameters = new Set(nodesIn(node).flatMap((each) => as(each, 'ParamRef')?.number ?? [])).size
    const calls = Math.round(statement.calls).toLocaleString('en-US')
    return {
      level: 'info',
      subject: ['statement', statement.id],
      detail:
        `${calls} calls take ${seconds(statement.totalMs)} s and give everybody the same rows of ` +
        `${shortList(tags.map(({ table }) => display(table)))}, which ${tags.length === 1 ? 'has' : 'have'} changed by at most ` +
        `${writes.toLocaleString('en-US')} rows in that time: ${excerpt(withoutLiterals(statement.text))}`,
      evidence: [
        measured('calls', statement.calls),
        measured('total time', Math.round(statement.totalMs), 'ms'),
        measured('counted for', Number(hours.toPrecision(3)), 'hours'),
        measured('rows of a call', Number(rowsPerCall.toPrecision(3))),
        estimated('size of an answer', Math.round(bytes), 'bytes'),
        measured('rows written, at most', writes),
        estimated('different answers', Math.round(keys)),
        estimated('hit ratio, at least', Number((100 * hitRatio).toFixed(1)), '%'),
        measured(
          'row-level security',
          tags.some(({ table }) => table.rowSecurity) ? 'the same for every role' : 'off',
        ),
        measured('role', statement.role),
      ],
      remedy: cacheRemedy({ ...statement, parameters, tags }, wanted, announcing),
    }
  })
}

function seconds(ms: number): number {
  return Number((ms / 1_000).toPrecision(3))
}
