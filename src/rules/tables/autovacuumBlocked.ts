import type { Table } from '../../catalog/tables.ts'
import { knownRows, listTables } from '../../catalog/tables.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { readServerFacts } from '../../catalog/server.ts'
import { listServerSessions } from '../../catalog/sessions.ts'
import type { Setting } from '../../catalog/settings.ts'
import { listSettings } from '../../catalog/settings.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import type { VacuumHindrance } from '../../catalog/vacuumHindrances.ts'
import { listVacuumHindrances, listVacuumedNow } from '../../catalog/vacuumHindrances.ts'
import { autovacuumIsOff, vacuumThreshold } from '../../metrics/vacuumThreshold.ts'
import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import { estimated, measured, runbook } from '../remedies.ts'
import type { Fact, Rule, Violation } from '../rule.ts'
import { CannotSee } from '../rule.ts'

/** So many times the dead rows that bring autovacuum are enough where somebody is seen in its way. */
const overdue = 2
const fewDeadRows = 1_000
/**
 * Where nobody is seen, there must be more: ten times the threshold, and twice as many dead rows as rows. No single
 * statement leaves so many, so autovacuum had its time to come between two of them.
 */
const longOverdue = { thresholds: 10, perRow: 2, deadRows: 10_000 }

/**
 * Tables that autovacuum does not get to because of locks. It leaves out a table on which somebody holds SHARE UPDATE
 * EXCLUSIVE or more, and gives up its work when somebody asks for such a lock.
 *
 * ```sql
 * BEGIN; LOCK TABLE jobs IN SHARE ROW EXCLUSIVE MODE;  -- before: a worker does this every second
 * SELECT ... FROM jobs FOR UPDATE SKIP LOCKED;         -- after: rows are locked, and autovacuum comes through
 * ```
 *
 * Where autovacuum comes and can remove nothing, xmin_horizon names the cause. Where it is off, autovacuum_settings and
 * settings_review say so.
 */
export const autovacuumBlocked = autovacuumBlockedFor({ heldSeconds: 60, quietSeconds: 3_600 })

/** The rule with other times: since when a lock is held, and for how long autovacuum has not come. */
export function autovacuumBlockedFor(times: { heldSeconds: number; quietSeconds: number }): Rule {
  return {
    name: 'autovacuum_blocked',
    finds: 'tables with many dead rows that locks keep autovacuum away from',
    cure: 'ending the lock, and a VACUUM, which no lock request cancels',
    async find(context) {
      const settings = await context.read(listSettings)
      if (settings.get('autovacuum')?.value === 'off' || settings.get('track_counts')?.value === 'off')
        return []
      const overdueTables = await tablesOverdue(context, settings)
      if (overdueTables.length === 0) return []
      const hindrances = await listVacuumHindrances(context.db)
      const vacuumed = await listVacuumedNow(context.db)
      const { now, countersSince } = await context.read(readServerFacts)
      const workersAreFree = await someWorkerIsFree(context, settings)
      const findings = overdueTables.flatMap(({ table, threshold }): Violation[] => {
        if (vacuumed.has(table.oid)) return []
        const quiet = (now.getTime() - (table.lastVacuumed ?? countersSince).getTime()) / 1_000
        const facts = factsOf(table, threshold)
        const hindrance = hindrances.find(
          ({ table: locked, seconds }) =>
            locked === table.oid && seconds !== null && seconds >= times.heldSeconds && seconds <= quiet,
        )
        if (hindrance) return [keptAway(table, hindrance, facts)]
        const isLong =
          quiet >= times.quietSeconds &&
          workersAreFree &&
          !vacuumed.has(null) &&
          isLongOverdue(table, threshold)
        return isLong ? [cancelled(table, quiet, facts)] : []
      })
      const hidden = new Set(hindrances.filter(({ seconds }) => seconds === null).map(({ table }) => table))
      if (overdueTables.some(({ table }) => hidden.has(table.oid))) {
        throw new CannotSee(
          'Since when other roles hold their locks is hidden from this role; a member of pg_read_all_stats sees it.',
          findings,
        )
      }
      return findings
    },
  }
}

async function tablesOverdue(
  context: Snapshot,
  settings: Map<string, Setting>,
): Promise<{ table: Table; threshold: number }[]> {
  const wanted = await wantedSchemas(context)
  return (await context.read(listTables))
    .filter((table) => wanted(table.schema) && table.kind !== 'p' && !autovacuumIsOff(table))
    .map((table) => ({ table, threshold: vacuumThreshold(table, settings) }))
    .filter(({ table, threshold }) => table.deadRows >= Math.max(fewDeadRows, overdue * threshold))
}

/** Where every worker is busy, a table waits for its turn, and no lock is to blame. */
async function someWorkerIsFree(context: Snapshot, settings: Map<string, Setting>): Promise<boolean> {
  const sessions = await context.read(listServerSessions)
  // A hidden session may be a worker.
  const busy = sessions.filter(({ kind }) => kind === 'autovacuum worker' || kind === null).length
  return busy < Number(settings.get('autovacuum_max_workers')?.value ?? 3)
}

function isLongOverdue(table: Table, threshold: number): boolean {
  const { deadRows } = table
  return (
    deadRows >= longOverdue.deadRows &&
    deadRows >= longOverdue.thresholds * threshold &&
    deadRows >= longOverdue.perRow * Math.max(knownRows(table), table.liveRows)
  )
}

function factsOf(table: Table, threshold: number): Fact[] {
  return [
    estimated('dead rows', table.deadRows),
    estimated('dead rows that bring autovacuum', Math.round(threshold)),
    measured('last VACUUM', table.lastVacuumed?.toISOString() ?? null),
  ]
}

function keptAway(table: Table, hindrance: VacuumHindrance, facts: Fact[]): Violation {
  const { pid, role, name, state, mode, seconds } = hindrance
  const who =
    pid === null
      ? `prepared transaction ${displayIdentifier(name)} of role ${displayIdentifier(role)}`
      : `session ${pid} (role ${displayIdentifier(role)}, application "${name || 'unnamed'}", ${state ?? 'state unknown'})`
  return {
    level: 'warn',
    subject: [table.schema, table.name],
    detail: `${display(table)} has ${count(table.deadRows)} dead rows, and autovacuum leaves it out: ${who} holds ${mode} on it.`,
    evidence: [
      ...facts,
      measured('lock', mode),
      measured('held by', who),
      measured('open for', Math.round(seconds ?? 0), 's'),
    ],
    remedy: runbook(
      `End what locks ${display(table)}, then vacuum it`,
      ...(pid === null
        ? ['The finding orphaned_prepared_transaction says how to end it.']
        : [
            `SELECT state, xact_start, query FROM pg_stat_activity WHERE pid = ${pid}; -- what it does`,
            `SELECT pg_terminate_backend(${pid}); -- if nobody waits for it; its transaction is rolled back`,
          ]),
      `VACUUM (ANALYZE) ${qualified(table)};`,
    ),
  }
}

function cancelled(table: Table, quiet: number, facts: Fact[]): Violation {
  return {
    level: 'info',
    subject: [table.schema, table.name],
    detail:
      `${display(table)} has ${count(table.deadRows)} dead rows, and no VACUUM has got through it for ${Math.round(quiet / 60)} min, ` +
      'although workers are free: most likely lock requests of others cancel it again and again.',
    evidence: [...facts, measured('without VACUUM for', Math.round(quiet), 's')],
    remedy: runbook(
      `Vacuum ${display(table)} by hand, and find what cancels autovacuum`,
      `VACUUM (ANALYZE) ${qualified(table)}; -- a lock request waits for it, and does not cancel it`,
      `The server's log says "canceling autovacuum task" and the table; with log_autovacuum_min_duration = 0 also each time that it gets through.`,
      'Look for what asks for such locks regularly: LOCK TABLE, ALTER TABLE, CREATE INDEX, TRUNCATE, CREATE TRIGGER. SELECT ... FOR UPDATE SKIP LOCKED does for most queues.',
      `Where it is only slow, let it work faster: ALTER TABLE ${qualified(table)} SET (autovacuum_vacuum_cost_delay = 0);`,
    ),
  }
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
