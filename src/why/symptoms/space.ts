import { listDatabaseAges } from '../../catalog/databaseAges.ts'
import { listReplicationSlots } from '../../catalog/replicationSlots.ts'
import { listSequences } from '../../catalog/sequences.ts'
import { listSettings } from '../../catalog/settings.ts'
import { listHorizonHolders } from '../../catalog/xminHorizon.ts'
import type { Database } from '../../postgres/database.ts'
import { display } from '../../postgres/identifiers.ts'
import { findHorizon } from '../../metrics/horizon.ts'
import type { Symptom } from '../symptom.ts'

async function keptLog(db: Database): Promise<string[]> {
  const slots = await listReplicationSlots(db)
  return slots
    .filter(({ keptBytes }) => (keptBytes ?? 0) > 64 * 1_048_576)
    .map(
      ({ name, keptBytes, isActive }) =>
        `Replication slot ${name} keeps ${Math.round((keptBytes ?? 0) / 1_048_576).toLocaleString('en')} MB of write-ahead log${isActive ? '' : ', and nobody uses it'}.`,
    )
}

export const spaceSymptoms: Symptom[] = [
  {
    id: 'disk_full',
    means: 'The server has no disk space left, or its host has made it read-only for that reason.',
    patterns: [
      /No space left on device/i,
      /could not (extend|write to) file/i,
      /\b53100\b/,
      /cannot execute .* in a read-only transaction/i,
      /\b25006\b/,
    ],
    async look({ db }) {
      const kept = await keptLog(db)
      return {
        here: kept.length > 0 ? kept : ['No replication slot keeps much of the write-ahead log.'],
        commands: [
          'npx hundredfold bloat',
          'npx hundredfold bloat --run reindex',
          'npx hundredfold diagnose --rules unused_index,duplicate_index,redundant_index,replication_slot_lag',
        ],
      }
    },
    otherwise: ['npx hundredfold bloat'],
  },
  {
    id: 'wraparound',
    means: 'Old rows were not frozen in time, and PostgreSQL protects them by refusing writes.',
    patterns: [/wraparound/i, /must be vacuumed within/i, /is not accepting commands/i],
    async look({ db }) {
      const ages = await listDatabaseAges(db)
      const horizon = findHorizon(await listHorizonHolders(db))
      const oldest = ages.toSorted((a, b) => b.xidAge - a.xidAge)[0]
      return {
        here: [
          ...(oldest
            ? [
                `The oldest rows of database ${oldest.name} are ${oldest.xidAge.toLocaleString('en')} transactions old, of about 2,147 million.`,
              ]
            : []),
          horizon
            ? `${horizon.holder.kind} ${horizon.holder.name} keeps VACUUM from freezing: it is ${horizon.holder.age.toLocaleString('en')} transactions old.`
            : 'Nothing keeps VACUUM from freezing.',
        ],
        commands: [
          'npx hundredfold connections',
          'npx hundredfold diagnose --rules xid_wraparound',
          'VACUUM (FREEZE);',
        ],
      }
    },
    otherwise: ['npx hundredfold diagnose --rules xid_wraparound'],
  },
  {
    id: 'out_of_locks',
    means: 'One transaction has locked more objects than the table of locks holds.',
    patterns: [/max_locks_per_transaction/i, /out of shared memory/i, /\b53200\b/],
    async look({ db }) {
      const setting = (await listSettings(db)).get('max_locks_per_transaction')
      return {
        here: [`max_locks_per_transaction is ${setting?.value ?? 'not known'}.`],
        commands: [
          'Raise max_locks_per_transaction (it needs a restart), or do it in parts: pg_dump by schema, fewer partitions in one statement.',
        ],
      }
    },
    otherwise: ['Raise max_locks_per_transaction (it needs a restart), or do it in parts.'],
  },
  {
    id: 'sequence_exhausted',
    means: 'A sequence, or the type of the column that it fills, has no number left.',
    patterns: [
      /reached (maximum|minimum) value of sequence/i,
      /\b2200H\b/,
      /(integer|smallint) out of range/i,
      /\b22003\b/,
    ],
    async look({ db }) {
      const used = (await listSequences(db))
        .map((sequence) => ({
          sequence,
          percent:
            sequence.lastValue === null ? 0 : (100 * Number(sequence.lastValue)) / Number(sequence.maximum),
        }))
        .filter(({ percent }) => percent >= 50)
        .sort((a, b) => b.percent - a.percent)
      return {
        here:
          used.length > 0
            ? used
                .slice(0, 5)
                .map(
                  ({ sequence, percent }) =>
                    `Sequence ${display(sequence)} has used ${percent.toFixed(1)} % of its numbers.`,
                )
            : ['No sequence has used half of its numbers.'],
        commands: ['npx hundredfold optimize --rules sequence_exhaustion', 'npx hundredfold migrate up'],
      }
    },
    otherwise: ['npx hundredfold optimize --rules sequence_exhaustion'],
  },
]
