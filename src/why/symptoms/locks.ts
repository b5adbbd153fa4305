import { listLockWaits } from '../../catalog/lockWaits.ts'
import { listClientSessions } from '../../catalog/sessions.ts'
import { readOnce } from '../../catalog/reader.ts'
import { listTableRewrites } from '../../catalog/tableRewrites.ts'
import type { Database } from '../../postgres/database.ts'
import { display } from '../../postgres/identifiers.ts'
import type { Symptom } from '../symptom.ts'

const tree = 'npx hundredfold connections'

async function waits(db: Database): Promise<string[]> {
  const found = await listLockWaits(db, 0)
  if (found.length === 0) return ['Nobody waits for a lock at this moment.']
  return found.slice(0, 5).map(({ pid, seconds, schema, relation, rowOf, blockedBy }) => {
    const place =
      schema !== null && relation !== null
        ? display({ schema, name: relation })
        : rowOf
          ? `a row of ${display(rowOf)}`
          : 'another transaction'
    return `Session ${pid} has waited ${Math.round(seconds)} s for ${place}, which ${blockedBy.join(', ')} holds.`
  })
}

async function openTransactions(db: Database): Promise<string[]> {
  const sessions = await readOnce(db)(listClientSessions)
  const idle = sessions.filter(({ state }) => state?.startsWith('idle in transaction'))
  if (idle.length === 0) return ['No session is idle in a transaction at this moment.']
  const longest = Math.max(...idle.map(({ stateSeconds }) => stateSeconds ?? 0))
  return [`${idle.length} sessions are idle in a transaction, the longest for ${Math.round(longest)} s.`]
}

/** VACUUM FULL or CLUSTER that takes too long, or waits for its lock while everybody waits for it. */
export const rewriteTakesLong: Symptom = {
  id: 'vacuum_full_takes_long',
  means:
    'VACUUM FULL writes the whole table anew and lets nobody read it meanwhile; while it waits for its lock, everybody waits behind it.',
  patterns: [/vacuum\s*\(?\s*full/i],
  async look({ db }) {
    const rewrites = await listTableRewrites(db)
    if (rewrites.length === 0) {
      return {
        here: ['No VACUUM FULL and no CLUSTER is running or waiting in this database.'],
        commands: ['npx hundredfold bloat', 'npx hundredfold bloat --run repack --table NAME'],
        notSeen: true,
      }
    }
    return {
      here: rewrites.map(
        ({ command, table, pid, seconds, phase, blockedBy, blocked, blocksDone, blocksTotal }) => {
          const progress = blocksTotal > 0 ? `, ${Math.round((100 * blocksDone) / blocksTotal)} % read` : ''
          const behind =
            blockedBy.length > 0
              ? ` It waits for session ${blockedBy.join(', ')}. Every later session waits behind it.`
              : ''
          return `${command} on ${table} (session ${pid}) has run for ${Math.round(seconds ?? 0)} s: ${phase}${progress}; ${blocked} sessions wait for it.${behind}`
        },
      ),
      commands: [
        ...rewrites.map(
          ({ pid }) =>
            `SELECT pg_cancel_backend(${pid}); -- lets the others go on; the table stays as it was`,
        ),
        'npx hundredfold bloat --run vacuum --table NAME',
        'npx hundredfold bloat --run repack --table NAME',
        'npx hundredfold bloat --run full --table NAME --window 02:00-04:00',
      ],
    }
  },
  otherwise: [
    'npx hundredfold bloat --run repack --table NAME',
    'npx hundredfold bloat --run full --table NAME --window 02:00-04:00',
  ],
}

export const lockSymptoms: Symptom[] = [
  rewriteTakesLong,
  {
    id: 'lock_timeout',
    means: 'A lock was not granted within lock_timeout.',
    patterns: [/canceling statement due to lock timeout/i, /could not obtain lock on/i, /\b55P03\b/],
    look: async ({ db }) => ({
      here: [...(await waits(db)), ...(await openTransactions(db))],
      commands: [
        tree,
        `${tree} --terminate-idle-in-transaction 5m`,
        'npx hundredfold migrate up --lock-budget 5m',
      ],
    }),
    otherwise: [tree],
  },
  {
    id: 'deadlock',
    means: 'Two transactions waited for each other; PostgreSQL has ended one of them.',
    patterns: [/deadlock detected/i, /\b40P01\b/],
    look: async ({ db }) => ({
      here: await waits(db),
      commands: [
        'Lock rows in the same order everywhere (ORDER BY the key), and try the transaction again.',
        tree,
      ],
    }),
    otherwise: ['Lock rows in the same order everywhere (ORDER BY the key), and try the transaction again.'],
  },
  {
    id: 'serialization',
    means: 'Another transaction has changed what this one, in REPEATABLE READ or SERIALIZABLE, had read.',
    patterns: [/could not serialize access/i, /\b40001\b/],
    look: async ({ db }) => ({
      here: await waits(db),
      commands: ['Try the whole transaction again; keep such transactions short.', tree],
    }),
    otherwise: ['Try the whole transaction again; keep such transactions short.'],
  },
  {
    id: 'idle_in_transaction_timeout',
    means: 'The session kept a transaction open and did nothing in it for longer than the timeout lets it.',
    patterns: [/idle-in-transaction (session )?timeout/i, /idle-session timeout/i, /\b25P03\b/],
    look: async ({ db }) => ({
      here: await openTransactions(db),
      commands: ['In the application: no call over the network between BEGIN and COMMIT.', tree],
    }),
    otherwise: ['In the application: no call over the network between BEGIN and COMMIT.'],
  },
  {
    id: 'transaction_aborted',
    means: 'An earlier statement of the same transaction failed; until ROLLBACK everything is refused.',
    patterns: [/current transaction is aborted/i, /\b25P02\b/],
    look: async ({ db }) => ({
      here: await openTransactions(db),
      commands: [
        'Look for the first error of that transaction in the log, and let the client ROLLBACK after an error.',
      ],
    }),
    otherwise: [
      'Look for the first error of that transaction in the log, and let the client ROLLBACK after an error.',
    ],
  },
]
