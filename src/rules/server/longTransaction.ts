import { displayIdentifier } from '../../postgres/identifiers.ts'
import { listPreparedTransactions } from '../../catalog/preparedTransactions.ts'
import { listClientSessions } from '../../catalog/sessions.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { isTheCause, readHolder } from './horizonFindings.ts'
import { describeGroup, groupSessions, unlessHidden } from './sessionFindings.ts'

/**
 * Transactions that have run for minutes. Concurrent index builds wait for them, and so does every lock that conflicts
 * with theirs. The oldest one keeps VACUUM from removing dead rows: that is what xmin_horizon is about.
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
      const holder = await readHolder(context)
      const long = sessions.filter(({ transactionSeconds }) => (transactionSeconds ?? 0) >= seconds)
      const findings = groupSessions(long).map((group): Violation => {
        const [{ role, application }] = group
        const longest = Math.max(...group.map((session) => session.transactionSeconds ?? 0))
        const oldest = Math.max(...group.map(({ snapshotAge }) => snapshotAge ?? 0))
        const pids = group.map(({ pid }) => pid).join(', ')
        const holds = holder?.kind === 'session' && group.some(({ pid }) => `${pid}` === holder.name)
        return {
          level: 'warn',
          subject: [role, application || 'unnamed'],
          detail: `A transaction (${describeGroup(group)}) has run for ${Math.round(longest)} s; its locks stay until it ends.${holds ? ` ${isTheCause}` : ''}`,
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
          level: 'info',
          infoBecause: 'prepared, of which orphaned_prepared_transaction says more',
          subject: [role, name],
          detail: `Prepared transaction ${displayIdentifier(name)} has been open for ${Math.round(age)} s; see orphaned_prepared_transaction.`,
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
