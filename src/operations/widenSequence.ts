import { sequenceCountsTo } from '../conditions/sequences.ts'
import { qualified } from '../postgres/identifiers.ts'
import type { Sequence } from '../catalog/sequences.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { NotReversible } from './notReversible.ts'
import { operationTitle } from './titles.ts'

const largestBigint = '9223372036854775807'

/**
 * Lets a sequence count as far as the bigint column that it fills.
 *
 * ```sql
 * ALTER SEQUENCE "public"."orders_id_seq" AS bigint MAXVALUE 9223372036854775807
 * -- down; PostgreSQL refuses it once the sequence has passed the old end
 * ALTER SEQUENCE "public"."orders_id_seq" AS integer MINVALUE 1 MAXVALUE 2147483647
 * ```
 *
 * @throws NotReversible if the sequence counts downwards
 */
export function widenSequence(sequence: Sequence, reason: Reason): Operation {
  const { schema, name, type, minimum, maximum } = sequence
  if (sequence.increment.startsWith('-')) throw new NotReversible('the sequence counts downwards')
  const alter = `ALTER SEQUENCE ${qualified({ schema, name })}`
  return {
    ...work('widenSequence', schema, name, type),
    on: [schema],
    title: operationTitle('widen', name),
    ...reason,
    up: [`${alter} AS bigint MAXVALUE ${largestBigint}`],
    down: [`${alter} AS ${type} MINVALUE ${minimum} MAXVALUE ${maximum}`],
    before: [condition(sequenceCountsTo, { schema, name }, type, maximum)],
    after: [condition(sequenceCountsTo, { schema, name }, 'bigint', largestBigint)],
  }
}
