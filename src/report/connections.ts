import type { Session } from '../catalog/sessions.ts'
import type { HorizonHolder } from '../catalog/xminHorizon.ts'
import type { EndedSession } from '../operate/connections/endSession.ts'
import type { Blocker } from '../operate/connections/blockerTree.ts'
import { countWaiting } from '../operate/connections/blockerTree.ts'
import type { Horizon } from '../metrics/horizon.ts'
import type { Overview } from '../operate/connections/overview.ts'
import type { PoolerAnswer } from '../operate/connections/pooler.ts'
import type { PoolSize } from '../operate/connections/poolSize.ts'
import type { TriedUrl } from '../operate/connections/routes.ts'
import type { Sample } from '../operate/connections/sample.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { excerpt } from '../syntax/excerpt.ts'
import { textTable } from './textTable.ts'
import { duration } from './units.ts'
import { withoutLiterals } from '../syntax/withoutLiterals.ts'

/** All that `connections` has found. */
export interface ConnectionsResult {
  overview: Overview
  urls: TriedUrl[]
  pooler: PoolerAnswer | undefined
  poolSize: PoolSize | undefined
  sample: Sample | undefined
  ended: EndedSession[]
}

const groupsShown = 20

/** What people read: limits, sessions in groups, who waits for whom, what holds VACUUM back. */
export function connectionsText({ overview, urls, pooler, poolSize, sample }: ConnectionsResult): string {
  return [
    limitLines(overview),
    sessionTable(overview.clients),
    overview.hidden > 0
      ? [
          `Of ${overview.hidden} sessions this role sees only that they exist; a member of pg_read_all_stats sees more.`,
        ]
      : [],
    blockerLines(overview),
    horizonLines(overview.horizon),
    poolerLines(pooler),
    urls.map(({ variable, route, advice }) => `${variable}: ${route ?? 'not reached'}. ${advice}`),
    poolSize ? poolSizeLines(poolSize) : [],
    sample ? sampleLines(sample) : [],
  ]
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n')
}

function limitLines({ limits, use }: Overview): string[] {
  return [
    ...limits.map(
      ({ used, limit, place, percent, isSaturated }) =>
        `${used} of ${limit} connections ${place} are taken (${percent} %)${isSaturated ? ': nearly full' : ''}`,
    ),
    `active ${use.active}, idle ${use.idle}, idle in transaction ${use.idleInTransaction}`,
  ]
}

interface Group {
  session: Session
  count: number
}

function sessionTable(clients: readonly Session[]): string[] {
  const groups = new Map<string, Group>()
  for (const session of clients) {
    const { role, application, database, address, state } = session
    const key = JSON.stringify([role, application, database, address, state])
    const known = groups.get(key)
    const isLonger = (session.stateSeconds ?? 0) > (known?.session.stateSeconds ?? -1)
    groups.set(key, {
      session: isLonger || !known ? session : known.session,
      count: (known?.count ?? 0) + 1,
    })
  }
  const all = [...groups.values()].sort((a, b) => b.count - a.count)
  if (all.length === 0) return ['Nobody else is connected.']
  const table = textTable(
    [
      { title: 'sessions', align: 'right' },
      { title: 'user' },
      { title: 'database' },
      { title: 'application', width: 30 },
      { title: 'address' },
      { title: 'state' },
      { title: 'longest in it', align: 'right' },
      { title: 'waits for' },
    ],
    all
      .slice(0, groupsShown)
      .map(({ count, session }) => [
        `${count}`,
        session.role,
        session.database ?? '',
        session.application,
        session.address ?? '',
        session.state ?? 'hidden',
        seconds(session.stateSeconds),
        session.waitsFor ?? '',
      ]),
  )
  return all.length > groupsShown
    ? [table, `and ${all.length - groupsShown} groups more; --json has all`]
    : [table]
}

function blockerLines({ blockers, clients }: Overview): string[] {
  if (blockers.length === 0) return ['Nobody waits for a lock.']
  const sessions = new Map(clients.map((session) => [session.pid, session]))
  const lines = blockers.flatMap((blocker) => treeLines(blocker, sessions, ''))
  const waiting = new Set(blockers.flatMap((blocker) => pidsBelow(blocker))).size
  return [`${waiting} ${waiting === 1 ? 'session waits' : 'sessions wait'} for locks:`, ...lines]
}

function pidsBelow({ waiting }: Blocker): number[] {
  return waiting.flatMap((each) => [each.pid, ...pidsBelow(each)])
}

function treeLines(blocker: Blocker, sessions: ReadonlyMap<number, Session>, indent: string): string[] {
  const { pid, wait, waiting } = blocker
  const session = sessions.get(pid)
  const who =
    pid === 0
      ? 'a prepared transaction'
      : `${pid}${session ? ` ${displayIdentifier(session.role)}, ${session.state ?? 'hidden'}` : ''}`
  const open = session?.transactionSeconds
  const statement = session?.statement ? `: ${excerpt(withoutLiterals(session.statement))}` : ''
  const count = countWaiting(blocker)
  const how = wait
    ? `waits ${seconds(wait.seconds)} for ${wait.mode} ${placeOf(wait)}`
    : `holds up ${count}${open === null || open === undefined ? '' : `, its transaction is open for ${seconds(open)}`}`
  return [
    `${indent}${wait ? '└ ' : ''}${who} ${how}${statement}`,
    ...waiting.flatMap((each) => treeLines(each, sessions, `${indent}  `)),
  ]
}

function placeOf({ schema, relation, rowOf, lockType }: NonNullable<Blocker['wait']>): string {
  if (schema !== null && relation !== null) return `on ${display({ schema, name: relation })}`
  if (rowOf) return `on a row of ${display(rowOf)}`
  return `(${lockType})`
}

function horizonLines(horizon: Horizon | undefined): string[] {
  if (!horizon) return ['Nothing keeps VACUUM from removing dead rows.']
  const { holder, gain, next } = horizon
  const after = next
    ? `; then ${describeHolder(next)} does, ${next.age.toLocaleString('en')} transactions old`
    : '; nothing else does'
  return [
    `VACUUM keeps every row that died in the last ${holder.age.toLocaleString('en')} transactions, because of ${describeHolder(holder)}.`,
    `When it ends, ${gain.toLocaleString('en')} transactions of dead rows can go${after}.`,
  ]
}

function describeHolder({ kind, name, role, application, state, seconds: open }: HorizonHolder): string {
  const details = [
    role ? `role ${displayIdentifier(role)}` : '',
    application ? `"${application}"` : '',
    state ?? '',
    open === null ? '' : `open for ${seconds(open)}`,
  ].filter((part) => part !== '')
  return `${kind} ${name}${details.length > 0 ? ` (${details.join(', ')})` : ''}`
}

function poolerLines(answer: PoolerAnswer | undefined): string[] {
  if (!answer) return []
  if ('notSeen' in answer) return [answer.notSeen]
  return [
    'Pools of the pooler:',
    textTable(
      [
        { title: 'database' },
        { title: 'user' },
        { title: 'mode' },
        { title: 'clients', align: 'right' },
        { title: 'waiting', align: 'right' },
        { title: 'servers busy', align: 'right' },
        { title: 'idle', align: 'right' },
        { title: 'longest wait', align: 'right' },
      ],
      answer.view.pools.map((pool) => [
        pool.database,
        pool.user,
        pool.mode,
        `${pool.clientsActive}`,
        `${pool.clientsWaiting}`,
        `${pool.serversActive}`,
        `${pool.serversIdle}`,
        seconds(pool.longestWaitSeconds),
      ]),
    ),
  ]
}

function poolSizeLines(pool: PoolSize): string[] {
  const { size, busy, transactionsPerSecond, serviceMs, isLimitedByCores } = pool
  return [
    `A pool of ${size} ${size === 1 ? 'connection' : 'connections'} carries what was measured: ` +
      `${Math.round(transactionsPerSecond).toLocaleString('en')} transactions a second of ${duration(serviceMs)} keep ` +
      `${busy.toFixed(1)} connections busy${isLimitedByCores ? '; more than the cores can serve would only wait' : ''}.`,
  ]
}

function sampleLines({ looks, statements }: Sample): string[] {
  if (statements.length === 0) return [`In ${looks} looks no statement was being executed.`]
  return [
    `What was executed in ${looks} looks:`,
    textTable(
      [
        { title: 'sessions', align: 'right' },
        { title: 'waits for', width: 40 },
        { title: 'statement', width: 70 },
      ],
      statements
        .slice(0, groupsShown)
        .map(({ sessions, waits, statement }) => [
          sessions.toFixed(2),
          waits.slice(0, 3).map(({ event, share }) => `${Math.round(share * 100)} % ${event}`),
          excerpt(statement),
        ]),
    ),
  ]
}

function seconds(value: number | null): string {
  return value === null ? '' : duration(Math.max(0, value) * 1_000)
}

/** The sessions that were to be ended, in lines. */
export function endedLines(ended: readonly EndedSession[]): string[] {
  return ended.map(
    ({ session, outcome, reason }) =>
      `${outcome.padEnd(8)}${session.pid} of ${displayIdentifier(session.role)}${reason ? `: ${reason}` : ''}`,
  )
}

/** The body of the JSON document. */
export function connectionsJson(result: ConnectionsResult): object {
  const { overview, urls, pooler, poolSize, sample, ended } = result
  const { use, limits, clients, blockers, holders, horizon, hidden } = overview
  return {
    saturation: {
      limits: limits.map(({ of, place, used, limit, percent, isSaturated }) => ({
        ...{ of, place, used, limit, percent, isSaturated },
      })),
      states: { active: use.active, idle: use.idle, idleInTransaction: use.idleInTransaction, hidden },
      pooler: pooler && ('view' in pooler ? pooler.view : { notSeen: pooler.notSeen }),
      poolSize,
    },
    urls,
    sessions: clients.map(({ statement, startedAt, stateChangedAt, isVisible, ...session }) => ({
      ...session,
      isVisible,
      startedAt,
      stateChangedAt,
      statement: statement === null ? null : excerpt(withoutLiterals(statement)),
    })),
    blockers: blockers.map(blockerJson),
    horizon: holders.map((holder) => ({
      ...holder,
      holdsBack: holder === horizon?.holder,
      ...(holder === horizon?.holder ? { gain: horizon.gain } : {}),
    })),
    sample,
    ended: ended.map(({ session: { pid, role, application, state }, outcome, reason }) => ({
      ...{ pid, role, application, state, outcome, reason },
    })),
  }
}

function blockerJson({ pid, wait, waiting }: Blocker): object {
  return {
    pid,
    waitsFor: wait && {
      mode: wait.mode,
      lockType: wait.lockType,
      relation: wait.relation === null ? null : [wait.schema, wait.relation],
      rowOf: wait.rowOf && [wait.rowOf.schema, wait.rowOf.name],
      seconds: wait.seconds,
    },
    waiting: waiting.map(blockerJson),
  }
}
