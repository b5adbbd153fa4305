import { Option } from 'commander'
import type { PartitionStrategy, Split } from '../catalog/partitions.ts'
import { UsageError } from '../errors.ts'
import type { Every } from '../partition/intervals.ts'
import { everies } from '../partition/intervals.ts'
import { parseCount } from './options.ts'

/** What says how the rows are put into partitions. */
export interface SplitOptions {
  by: PartitionStrategy
  every?: Every
  modulus?: number
}

const strategies: PartitionStrategy[] = ['range', 'list', 'hash']

export function splitOptions(): Option[] {
  return [
    new Option('--by <way>', 'intervals of time, the values of the key, or a hash of it')
      .choices(strategies)
      .default('range'),
    new Option('--every <interval>', 'of a range: how long a partition is').choices(everies),
    new Option('--modulus <count>', 'of a hash: how many partitions, 16 unless you say so').argParser(
      parseCount,
    ),
  ]
}

/** @throws UsageError where an option is missing or belongs to another way */
export function splitOf({ by, every, modulus }: SplitOptions): Split {
  if (by !== 'hash' && modulus !== undefined) {
    throw new UsageError(`--modulus has no meaning with --by ${by}.`, 'Leave it out, or give --by hash.')
  }
  if (by === 'range') {
    if (every !== undefined) return { every }
    throw new UsageError(
      'A range needs --every, which says how long a partition is.',
      `Give --every ${everies.join(', --every ')}; or --by list or --by hash.`,
    )
  }
  if (every !== undefined) {
    throw new UsageError(
      `--every has no meaning with --by ${by}: it says how long an interval of time is.`,
      'Leave one of them out.',
    )
  }
  return by === 'list' ? { by } : { by, modulus: modulus ?? 16 }
}
