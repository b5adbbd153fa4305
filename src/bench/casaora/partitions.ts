import { fileURLToPath } from 'node:url'
import type { Every } from '../../partition/intervals.ts'
import { parseMoment } from '../../partition/intervals.ts'
import type { PartitionRequest } from '../../partition/request.ts'

/** The series for the tables below, as the command partition writes it once all of `migrations/` has run. */
export const casaoraPartitionSeries = fileURLToPath(
  new URL('../../../migrations/partitions', import.meta.url),
)

/** Beyond every row, in all sizes: Casaora's data ends in January 2027, whatever the clock says. */
const cutoff = parseMoment('2027-03-01')

/** The tables of Casaora that grow with time, in the order in which they are partitioned. */
export const casaoraPartitions: (PartitionRequest & { every: Every })[] = [
  request('bookings', 'booking_date'),
  request('messages', 'created_at'),
]

function request(name: string, key: string): PartitionRequest & { every: Every } {
  return {
    table: { schema: 'public', name },
    key,
    every: 'month',
    ahead: 4,
    accept: [`${name}_pkey`],
    cutoff,
  }
}
