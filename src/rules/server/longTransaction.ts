import { displayIdentifier } from '../../postgres/identifiers.ts'
import { listPreparedTransactions, listClientSessions } from '../../catalog/sessions.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { describeGroup, groupSessions, unlessHidden } from './sessionFindings.ts'

/**
 * Transactions that have run for minutes. Until they end, VACUUM removes no row that died since they began, in any
 * table. Concurrent index builds wait for them, and so does every lock that conflicts with theirs.
 *
 * ```sql
 * BEGIN; SELECT ...;  -- before: a report of 40 minutes on the primary, or a prepared transaction from last week
 * SET statement_timeout = '5min';  -- after: reports have an end, or run on a standby
 * ```
 */
export const longTransaction = transactionLongerThan(300)

/** The rule with another time after which a transaction is long. */
export function transactionLongerThan(seconds: number): Rule {
  return {
    name: 'long_transaction',
    finds: 'transactions that have run for five minutes or more, prepared ones too',
    cure: 'ending them',
    async find(context) {
      const sessions = await context.read(listClientSessions)
      const long = sessions.filter(({ transactionSeconds }) => (transactionSeconds ?? 0) >= seconds)
      const findings = groupSessions(long).map((group): Violation => {
        const [{ role, application }] = group
        const longest = Math.max(...group.map((session) => session.transactionSeconds ?? 0))
        const oldest = Math.max(...group.map(({ snapshotAge }) => snapshotAge ?? 0))
        const pids = group.map(({ pid }) => pid).join(', ')
        return {
          level: 'warn',
          subject: [role, application || 'unnamed'],
          detail: `A transaction (${describeGroup(group)}) has run for ${Math.round(longest)} s; VACUUM removes nothing that died since.`,
          evidence: [
            measured('transactions', group.length),
            measured('longest', Math.round(longest), 's'),
            measured('transactions begun since by others', oldest),
            measured('process ids', pids),
          ],
          remedy: runbook(
            'See what it does, and end it if nobody waits for it',
            `SELECT pid, state, query FROM pg_stat_activity WHERE pid IN (${pids});`,
            'SELECT pg_cancel_backend(pid) ends the statement, pg_terminate_backend(pid) the session.',
            'Long reports belong on a standby, or into batches; see missing_statement_timeout.',
          ),
        }
      })
      for (const { name, role, seconds: age } of await context.read(listPreparedTransactions)) {
        if (age < seconds) continue
        findings.push({
          level: 'error',
          subject: [role, name],
          detail: `Prepared transaction ${displayIdentifier(name)} has been open for ${Math.round(age)} s; a restart does not end it.`,
          evidence: [measured('age', Math.round(age), 's'), measured('prepared by', role)],
          remedy: runbook(
            'Ask the coordinator of the transaction, then end it',
            `COMMIT PREPARED '${name.replaceAll("'", "''")}'; or ROLLBACK PREPARED '${name.replaceAll("'", "''")}';`,
          ),
        })
      }
      return unlessHidden(sessions, findings)
    },
  }
}
