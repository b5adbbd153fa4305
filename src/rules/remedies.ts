import { display, qualified } from '../postgres/identifiers.ts'
import type { Operation } from '../operations/operation.ts'
import { NotReversible } from '../operations/notReversible.ts'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import type { Fact, Remedy } from './rule.ts'

/** The operation as a remedy; if it is not exactly reversible, what `otherwise` returns for the reason. */
export async function migrationOr(
  make: () => Operation | Promise<Operation>,
  otherwise: (reason: string) => Remedy,
): Promise<Remedy> {
  try {
    return migration(await make())
  } catch (error) {
    if (error instanceof NotReversible) return otherwise(error.reason)
    throw error
  }
}

export function migration(operation: Operation): Remedy {
  return { kind: 'migration', title: sentence(operation.title), operation }
}

export function runbook(title: string, ...steps: string[]): Remedy {
  return { kind: 'runbook', title, steps }
}

/** Steps that drop the index of a partitioned table, which cannot be done concurrently. */
export function dropWithPartitions(index: DefinedIndex): Remedy {
  return runbook(
    `Drop ${display(index)} in a quiet moment`,
    `SET lock_timeout = '1s'; -- and try again if it times out`,
    `DROP INDEX ${qualified(index)}; -- locks the table and all partitions exclusively, for a moment`,
    `To take it back: ${index.definition}; it keeps writers waiting while it is built.`,
  )
}

export function measured(name: string, value: Fact['value'], unit?: string): Fact {
  return { name, value, ...(unit === undefined ? {} : { unit }), kind: 'measured' }
}

export function estimated(name: string, value: Fact['value'], unit?: string): Fact {
  return { name, value, ...(unit === undefined ? {} : { unit }), kind: 'estimated' }
}

/** `create-bookings-customer-id-idx` -> `Create bookings-customer-id-idx` */
function sentence(title: string): string {
  const [verb = '', ...rest] = title.split('-')
  return `${verb.charAt(0).toUpperCase()}${verb.slice(1)} ${rest.join('-')}`
}
