import { escapeLiteral } from 'pg'
import { listPreparedTransactions } from '../../catalog/preparedTransactions.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule, Violation } from '../rule.ts'
import { isTheCause, readHolder } from './horizonFindings.ts'

/**
 * Transactions that were prepared for two-phase commit minutes ago. A coordinator ends them within a second; one that
 * is still there was forgotten. It has no session to end, keeps its locks, and outlives a restart.
 *
 * ```sql
 * SELECT gid, prepared, owner FROM pg_prepared_xacts;  -- before: order-1181 | last week | app
 * ROLLBACK PREPARED 'order-1181';                      -- after: its locks are free, and VACUUM goes on
 * ```
 */
export const orphanedPreparedTransaction = preparedLongerThan(300)

/** The rule with another time after which a prepared transaction counts as forgotten. */
export function preparedLongerThan(seconds: number): Rule {
  return {
    name: 'orphaned_prepared_transaction',
    finds: 'transactions prepared for two-phase commit five minutes ago or earlier, with the locks they hold',
    cure: 'COMMIT PREPARED or ROLLBACK PREPARED, by whoever knows which',
    async find(context) {
      const holder = await readHolder(context)
      return (await context.read(listPreparedTransactions))
        .filter(({ seconds: age }) => age >= seconds)
        .map(({ name, role, seconds: age, locks }): Violation => {
          const literal = escapeLiteral(name)
          const held = locks.map(({ mode, ...table }) => `${display(table)} (${mode})`)
          const holds = holder?.kind === 'prepared transaction' && holder.name === name
          return {
            level: 'error',
            subject: [role, name],
            detail:
              `Transaction ${displayIdentifier(name)} was prepared ${Math.round(age)} s ago by ${displayIdentifier(role)}; no session and no restart ends it. ` +
              `It locks ${held.length === 0 ? 'no table' : shortList(held)}.${holds ? ` ${isTheCause}` : ''}`,
            evidence: [
              measured('gid', name),
              measured('prepared by', role),
              measured('age', Math.round(age), 's'),
              measured('locks', held.join(', ') || null),
            ],
            remedy: runbook(
              'Ask the coordinator what it decided, then end it',
              'The log of the transaction manager, or of the application that sent PREPARE TRANSACTION, says whether the other parts were committed.',
              `ROLLBACK PREPARED ${literal}; -- where nothing of it was committed elsewhere`,
              `COMMIT PREPARED ${literal}; -- where the other parts were committed`,
              `Either needs the role ${displayIdentifier(role)} or a superuser, in this database.`,
              'Where nothing uses two-phase commit: max_prepared_transactions = 0, which takes a restart.',
            ),
          }
        })
    },
  }
}
