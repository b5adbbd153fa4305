import { listTablesBySize, knownRows } from '../../catalog/tables.ts'
import { listRoleTimeouts } from '../../catalog/roleTimeouts.ts'
import { listYoungUnusedIndexes } from '../../catalog/youngIndexes.ts'
import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import { isStale } from '../../rules/tables/staleStatistics.ts'
import type { Symptom } from '../symptom.ts'

const tablesShown = 5
const indexesShown = 10

/** Slow after new indexes: the planner does not use them, or does not know enough to. */
export const slowAfterIndexes: Symptom = {
  id: 'slow_after_indexes',
  means: 'New indexes are not used: the planner does not know enough of the tables, or cannot use them.',
  patterns: [
    /slow\w*\b.*\b(after|since)\b.*\bind(ex|ic)/i,
    /ind(ex|exes|ices)\b.*\b(not|never|isn't|aren't)\b.*\bused/i,
    /not using (the|my|an|any) ind(ex|ices)/i,
  ],
  async look({ db, read, wants }) {
    const stale = (await read(listTablesBySize)).filter(
      (table) =>
        wants(table.schema) &&
        isStale({
          neverAnalyzed: table.estimatedRows === null && table.lastAnalyzed === null,
          rows: knownRows(table),
          changes: table.changesSinceAnalyze,
        }),
    )
    const young = (await listYoungUnusedIndexes(db)).filter(({ schema }) => wants(schema))
    const notSeen = stale.length === 0 && young.length === 0
    return {
      ...(notSeen ? { notSeen } : {}),
      here: [
        ...stale.slice(0, tablesShown).map((table) => `The statistics of ${display(table)} are stale.`),
        ...young
          .slice(0, indexesShown)
          .map((index) =>
            index.isValid
              ? `${display(index)} on ${display(index.table)} has not been scanned since it was made: ${index.whyNot}.`
              : `${display(index)} on ${display(index.table)} is invalid: its build failed.`,
          ),
        ...(notSeen ? ['Statistics are fresh, and every young index is used.'] : []),
      ],
      commands: [
        ...stale.slice(0, tablesShown).map((table) => `ANALYZE ${qualified(table)};`),
        ...young
          .filter(({ isValid }) => !isValid)
          .map((index) => `REINDEX INDEX CONCURRENTLY ${qualified(index)};`),
        'npx hundredfold advise --explain NAME_OF_THE_INDEX',
        'npx hundredfold diagnose --rules slow_query --analyze',
        'EXPLAIN the query as the role that sends it: behind row-level security an index on an operator that is not leakproof stays unused; arrays and jsonb need GIN, ranges GiST. Never set enable_seqscan = off for the application: it hides the reason.',
      ],
    }
  },
  otherwise: ['ANALYZE the tables, then npx hundredfold advise --explain NAME_OF_THE_INDEX'],
}

export const speedSymptoms: Symptom[] = [
  slowAfterIndexes,
  {
    id: 'statement_timeout',
    means: 'The statement took longer than statement_timeout lets it.',
    patterns: [/canceling statement due to statement timeout/i, /\b57014\b/],
    async look({ db }) {
      const roles = await listRoleTimeouts(db)
      const set = roles.filter(({ timeouts }) => timeouts.statement_timeout.effective !== null)
      return {
        here:
          set.length > 0
            ? set.map(
                ({ name, timeouts }) =>
                  `Role ${displayIdentifier(name)} has a statement_timeout of ${timeouts.statement_timeout.effective ?? ''}.`,
              )
            : [
                'No role of an application has a statement_timeout of its own; the server or the client has set it.',
              ],
        commands: [
          'npx hundredfold diagnose --rules slow_query,lock_waits --analyze',
          'npx hundredfold advise',
          'npx hundredfold optimize',
        ],
      }
    },
    otherwise: ['npx hundredfold diagnose --rules slow_query,lock_waits', 'npx hundredfold advise'],
  },
  {
    id: 'recovery_conflict',
    means: 'A query on a standby was in the way of what the primary has cleaned up.',
    patterns: [/conflict with recovery/i],
    look: () =>
      Promise.resolve({
        here: ['The standby ends queries that are longer than max_standby_streaming_delay.'],
        commands: [
          'On the standby: hot_standby_feedback = on, and watch with npx hundredfold connections what it keeps on the primary.',
        ],
      }),
    otherwise: ['On the standby: hot_standby_feedback = on, or a longer max_standby_streaming_delay.'],
  },
]
