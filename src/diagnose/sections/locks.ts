import { listLockWaits, listOpenTransactions } from '../../introspect/activity.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

/** Who waits for whom, and which transactions stay open. */
export const locks: Section = {
  id: 'locks',
  title: 'Locks and long transactions',
  async look({ db }) {
    const waits = await listLockWaits(db)
    const transactions = await listOpenTransactions(db)
    return {
      blocks: [
        tableBlock({
          id: 'lock_waits',
          title: 'Sessions that wait for a lock now',
          figures: 'measured',
          columns: [
            ['process', 'text'],
            ['user', 'text'],
            ['waiting', 'seconds'],
            ['for', 'text'],
            ['mode', 'text'],
            ['blocked by', 'text'],
            ['which is', 'text'],
          ],
          rows: waits.map((wait) => [
            `${wait.pid}`,
            wait.user,
            wait.waitedSeconds,
            wait.relation,
            wait.mode,
            wait.blockedBy.join(', '),
            wait.blockerState,
          ]),
        }),
        tableBlock({
          id: 'transactions',
          title: 'Transactions open for more than a second',
          figures: 'measured',
          columns: [
            ['process', 'text'],
            ['user', 'text'],
            ['application', 'text'],
            ['state', 'text'],
            ['open', 'seconds'],
            ['waits for', 'text'],
          ],
          rows: transactions.map((transaction) => [
            `${transaction.pid}`,
            transaction.user,
            transaction.application,
            transaction.state,
            transaction.seconds,
            transaction.waitsFor,
          ]),
        }),
      ],
    }
  },
}
