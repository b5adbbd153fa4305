import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { listDatabaseAges, listOldestTables } from '../../catalog/databaseAges.ts'
import { listSettings } from '../../catalog/settings.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'

/** At autovacuum_freeze_max_age autovacuum is forced to run; a tenth past that, it has not kept up. */
const overdue = 1.1
/** Of about 2,147,000,000 ids. PostgreSQL warns when 40 million are left, and refuses writes at 3 million. */
const halfOfAllIds = 1_000_000_000

/**
 * Databases whose oldest rows autovacuum did not freeze in time. Transaction ids wrap around. Rows that were not frozen
 * before that would seem to come from the future, so PostgreSQL refuses all writes first.
 *
 * ```sql
 * SELECT age(datfrozenxid) FROM pg_database;  -- before: 1,400,000,000 of 2,147,000,000
 * VACUUM (FREEZE) events;                     -- after: 50,000,000; once nothing holds an old snapshot open
 * ```
 */
export const xidWraparound: Rule = {
  name: 'xid_wraparound',
  finds: 'databases whose oldest rows autovacuum did not freeze in time',
  cure: 'ending what holds old snapshots open, and VACUUM (FREEZE)',
  async find(context) {
    const settings = await context.read(listSettings)
    const limitOf = (name: string): number => Number(settings.get(name)?.value ?? Infinity)
    const findings: Violation[] = []
    for (const database of await context.read(listDatabaseAges)) {
      const isOverdue =
        database.xidAge > limitOf('autovacuum_freeze_max_age') * overdue ||
        database.multixactAge > limitOf('autovacuum_multixact_freeze_max_age') * overdue
      const isUrgent = Math.max(database.xidAge, database.multixactAge) >= halfOfAllIds
      if (!isOverdue && !isUrgent) continue
      const oldest = database.isCurrent ? await listOldestTables(context.db, 5) : []
      findings.push({
        level: isUrgent ? 'error' : 'warn',
        subject: [database.name],
        detail:
          `The oldest rows of database ${displayIdentifier(database.name)} are ` +
          `${database.xidAge.toLocaleString('en')} transactions old, and autovacuum does not get to them.`,
        evidence: [
          measured('age', database.xidAge, 'transactions'),
          measured('age of multixacts', database.multixactAge),
          measured('autovacuum_freeze_max_age', limitOf('autovacuum_freeze_max_age')),
          ...oldest.map((table) => measured(`age of ${display(table)}`, table.xidAge, 'transactions')),
        ],
        remedy: runbook(
          `Let the rows of ${displayIdentifier(database.name)} be frozen`,
          'What holds an old snapshot open? SELECT pid, backend_xmin, xact_start, state FROM pg_stat_activity WHERE backend_xmin IS NOT NULL ORDER BY age(backend_xmin) DESC LIMIT 5;',
          'The same for prepared transactions and slots: SELECT * FROM pg_prepared_xacts; SELECT slot_name, xmin, catalog_xmin FROM pg_replication_slots;',
          'End it: pg_terminate_backend(pid), ROLLBACK PREPARED, pg_drop_replication_slot.',
          ...oldest
            .filter(({ schema }) => schema !== 'pg_toast')
            .map((table) => `VACUUM (FREEZE) ${qualified(table)};`),
          ...(database.allowsConnections
            ? []
            : [
                `ALTER DATABASE ${quote(database.name)} ALLOW_CONNECTIONS true; -- and false again afterwards`,
              ]),
          ...(oldest.length === 0 ? ['Connect to that database and run: VACUUM (FREEZE);'] : []),
        ),
      })
    }
    return findings
  },
}
