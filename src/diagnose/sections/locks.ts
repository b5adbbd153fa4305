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
            ['process', 'text', ({ pid }) => `${pid}`],
            ['user', 'text', ({ role }) => role],
            ['waiting', 'seconds', ({ seconds }) => seconds],
            [
              'for',
              'text',
              ({ schema, relation: name, lockType }) =>
                schema && name ? display({ schema, name }) : lockType,
            ],
            ['mode', 'text', ({ mode }) => mode],
            ['blocked by', 'text', ({ blockedBy }) => blockedBy.join(', ')],
            ['which is', 'text', ({ blockerState }) => blockerState],
          ],
          items: waits,
        }),
        tableBlock({
          id: 'transactions',
          title: 'Transactions open for more than a second',
          figures: 'measured',
          columns: [
            ['process', 'text', ({ pid }) => `${pid}`],
            ['user', 'text', ({ role }) => role],
            ['application', 'text', ({ application }) => application],
            ['state', 'text', ({ state }) => state ?? ''],
            ['open', 'seconds', ({ transactionSeconds }) => transactionSeconds],
            ['waits for', 'text', ({ waitsFor }) => waitsFor],
          ],
          items: transactions,
        }),
      ],
    }
  },
}
