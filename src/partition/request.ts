import type { Split } from '../catalog/partitions.ts'
import { UsageError } from '../errors.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** `{ ..., every: 'month' }`, `{ ..., by: 'list' }`, `{ ..., by: 'hash', modulus: 16 }`: see `Split`. */
export type PartitionRequest = Split & {
  table: RelationName
  key: string
  /** Names of obstacles that somebody can live with. */
  accept: string[]
  /** The first bound; by default beyond every row that may come until the swap. */
  cutoff?: Date
  /** Intervals for which to make partitions beyond the rows that are there. */
  ahead?: number
  /** Copy the rows into their partitions, instead of keeping them in one. */
  rewriteHistory?: boolean
  /** How long rows are kept, such as `24 months`: it adds a procedure that drops older partitions. */
  retention?: string
}

export function splitOf(request: PartitionRequest): Split {
  if ('every' in request) return { every: request.every }
  return request.by === 'list' ? { by: 'list' } : { by: 'hash', modulus: request.modulus }
}

const [leastModulus, mostModulus] = [2, 1024]

/** @throws UsageError where parts of the request have no meaning together */
export function checkRequest(request: PartitionRequest): void {
  const { cutoff, ahead, retention, rewriteHistory } = request
  if ('every' in request) {
    if (!rewriteHistory || cutoff === undefined) return
    throw new UsageError(
      '--cutoff has no meaning with --rewrite-history: there is no partition of everything up to now.',
      'Leave one of them out.',
    )
  }
  const split = `--by ${request.by}`
  const meant = { '--cutoff': cutoff, '--retention': retention, '--ahead': ahead }
  const [option] = Object.entries(meant).find(([, value]) => value !== undefined) ?? []
  if (option !== undefined) {
    throw new UsageError(
      `${option} has no meaning with ${split}: only ranges follow one another in time.`,
      'Leave one of them out.',
    )
  }
  if (!rewriteHistory) {
    throw new UsageError(
      `${split} moves every row: a partition of everything up to now has rows of every value, and cannot be one of a ${request.by}.`,
      'Give --rewrite-history too: it copies the rows into their partitions while everybody works.',
    )
  }
  if (request.by === 'hash') checkModulus(request.modulus)
}

function checkModulus(modulus: number): void {
  if (Number.isInteger(modulus) && modulus >= leastModulus && modulus <= mostModulus) return
  throw new UsageError(
    `--modulus ${modulus} is no number of partitions.`,
    `Write a whole number from ${leastModulus} to ${mostModulus}.`,
  )
}
