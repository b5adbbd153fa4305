import { escapeLiteral } from 'pg'
import { readServerFacts } from '../../catalog/server.ts'
import type { Setting } from '../../catalog/settings.ts'
import { listSettings } from '../../catalog/settings.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import type { Table } from '../../catalog/tables.ts'
import { listTables } from '../../catalog/tables.ts'
import type { HorizonHolder } from '../../catalog/xminHorizon.ts'
import { autovacuumIsOff, vacuumThreshold } from '../../metrics/vacuumThreshold.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { estimated, measured, runbook } from '../remedies.ts'
import type { Remedy, Rule, Violation } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { readHorizon } from './horizonFindings.ts'

/** Fewer dead rows, in tables that autovacuum would clean, cost next to nothing. */
const fewDeadRows = 10_000
/** How old the rows kept by a slot or standby may be, which show no time: one in use follows, one without reader never does. */
const tolerableAge = { used: 1_000_000, unused: 10_000 }
const tablesShown = 3

/**
 * What keeps VACUUM from removing dead rows: the one session, slot, prepared transaction or standby that needs the
 * oldest rows. Ending any other one brings nothing before that.
 *
 * ```sql
 * -- before: a report has been open since yesterday; autovacuum comes each minute, and 4,000,000 dead rows stay
 * SELECT pg_terminate_backend(4711);
 * -- after: the next autovacuum removes them
 * ```
 */
export const xminHorizon = xminHorizonHeldFor(300)

/** The rule with another time for which a transaction may hold VACUUM back. */
export function xminHorizonHeldFor(seconds: number): Rule {
  return {
    name: 'xmin_horizon',
    finds: 'the one session, slot, prepared transaction or standby that keeps VACUUM from removing dead rows',
    cure: 'ending that one; ending others brings nothing before',
    async find(context) {
      if (!(await context.read(readServerFacts)).seesAllStatistics) {
        throw new CannotSee(
          'Whose transaction is the oldest is hidden from this role; a member of pg_read_all_stats sees it.',
        )
      }
      const horizon = await readHorizon(context)
      if (!horizon) return []
      const { holder, next } = horizon
      const settings = await context.read(listSettings)
      const kept = await tablesOverThreshold(context, settings)
      const deadRows = kept.reduce((sum, table) => sum + table.deadRows, 0)
      const endangersIds = holder.age >= Number(settings.get('autovacuum_freeze_max_age')?.value) / 2
      if (!endangersIds && !(isOld(holder, seconds) && deadRows >= fewDeadRows)) return []
      const finding: Violation = {
        level: endangersIds ? 'error' : 'warn',
        subject: subjectOf(holder),
        detail:
          `${describe(holder)} keeps VACUUM from removing what died in the last ${count(holder.age)} transactions` +
          (deadRows > 0
            ? `: up to ${count(deadRows)} dead rows in ${kept.length} ${kept.length === 1 ? 'table' : 'tables'}.`
            : '.') +
          (endangersIds ? ' Old rows cannot be frozen either, and transaction ids run out.' : ''),
        evidence: [
          measured('transactions held up', holder.age),
          estimated('dead rows held up', deadRows),
          ...kept
            .slice(0, tablesShown)
            .map((table) => estimated(`dead rows of ${display(table)}`, table.deadRows)),
          ...(holder.seconds === null ? [] : [measured('open for', Math.round(holder.seconds), 's')]),
          measured('held back next by', next ? describe(next) : null),
        ],
        remedy: remedyFor(holder),
      }
      return [finding]
    },
  }
}

/** Tables with more dead rows than bring autovacuum, the worst first. */
async function tablesOverThreshold(context: Snapshot, settings: Map<string, Setting>): Promise<Table[]> {
  return (await context.read(listTables))
    .filter(
      (table) =>
        table.kind !== 'p' && !autovacuumIsOff(table) && table.deadRows > vacuumThreshold(table, settings),
    )
    .sort((one, other) => other.deadRows - one.deadRows)
}

function isOld({ seconds, age, state }: HorizonHolder, limit: number): boolean {
  if (seconds !== null) return seconds >= limit
  return age >= (state === 'not in use' ? tolerableAge.unused : tolerableAge.used)
}

/** Process ids change from day to day; role and application stay. */
function subjectOf({ kind, name, role, application }: HorizonHolder): string[] {
  return kind === 'session' ? [kind, role ?? '', application ?? 'unnamed'] : [kind, name]
}

function describe({ kind, name, role, application, state }: HorizonHolder): string {
  switch (kind) {
    case 'session':
      return `Session ${name} (role ${displayIdentifier(role ?? '')}, application "${application ?? 'unnamed'}", ${state ?? 'state unknown'})`
    case 'slot':
      return `Replication slot ${displayIdentifier(name)} (${state ?? 'state unknown'})`
    case 'prepared transaction':
      return `Prepared transaction ${displayIdentifier(name)} (role ${displayIdentifier(role ?? '')})`
    case 'standby':
      return `Standby ${displayIdentifier(name)} (hot_standby_feedback)`
  }
}

/** The findings of other rules about the same thing have the details. */
function remedyFor({ kind, name, role, application, state }: HorizonHolder): Remedy {
  const literal = escapeLiteral(name)
  switch (kind) {
    case 'session': {
      const rule = state?.startsWith('idle in transaction') ? 'idle_in_transaction' : 'long_transaction'
      return runbook(
        `End session ${name}, and VACUUM can remove the rows`,
        `SELECT state, xact_start, query FROM pg_stat_activity WHERE pid = ${name}; -- what it does`,
        `SELECT pg_terminate_backend(${name}); -- its transaction is rolled back`,
        `The finding ${rule} ${displayIdentifier(role ?? '')}.${displayIdentifier(application ?? 'unnamed')} is about the same session, and says how to avoid the next one.`,
      )
    }
    case 'slot':
      return runbook(
        `Let the reader of slot ${displayIdentifier(name)} follow, or drop the slot`,
        'SELECT slot_name, active, xmin, wal_status FROM pg_replication_slots;',
        `If nobody needs it any more: SELECT pg_drop_replication_slot(${literal}); after that the reader must be set up again.`,
        'A standby in use holds rows for its own long queries: see pg_stat_activity there.',
      )
    case 'prepared transaction':
      return runbook(
        'Ask the coordinator of the transaction, then end it',
        `COMMIT PREPARED ${literal}; or ROLLBACK PREPARED ${literal};`,
        'The finding orphaned_prepared_transaction says what it locks.',
      )
    case 'standby':
      return runbook(
        `End the long query on standby ${displayIdentifier(name)}`,
        'On the standby: SELECT pid, xact_start, query FROM pg_stat_activity WHERE backend_xmin IS NOT NULL ORDER BY xact_start LIMIT 5;',
        'hot_standby_feedback = off there lets VACUUM go on, and ends queries of the standby that need the rows.',
      )
  }
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
