import { display } from '../../postgres/identifiers.ts'
import { listLockWaits } from '../../catalog/lockWaits.ts'
import { listSessions } from '../../catalog/sessions.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'

const mostWaits = 50

/** Who waits for whom, and which transactions stay open. */
export const locks: Section = {
  id: 'locks',
  title: 'Locks and long transactions',
  async look({ db, read }) {
    const waits = (await listLockWaits(db, 0)).slice(0, mostWaits)
    const transactions = (await read(listSessions)).filter(
      ({ transactionSeconds }) => (transactionSeconds ?? 0) > 1,
    )
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
            wait.role,
            wait.seconds,
            wait.schema && wait.relation
              ? display({ schema: wait.schema, name: wait.relation })
              : wait.lockType,
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
            transaction.role,
            transaction.application,
            transaction.state ?? '',
            transaction.transactionSeconds,
            transaction.waitsFor,
          ]),
        }),
      ],
    }
  },
}
