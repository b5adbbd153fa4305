import type { OwnedSequence } from '../catalog/wholeTable.ts'
import { commentOn } from '../operations/comment.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { fitIdentifier, qualified, quote } from '../postgres/identifiers.ts'
import { literal, revokeAll } from './remake.ts'
import type { Subject } from './subject.ts'

/** The sequences of the old table's columns become those of the new table's, and go on counting. */
export function moveSequences({ table, history }: Subject): string[] {
  return move(table, { from: history, to: table })
}

/** And back. */
export function returnSequences({ table }: Subject, partitioned: RelationName): string[] {
  return move(table, { from: partitioned, to: table })
}

function move(
  { sequences, columns }: Subject['table'],
  { from, to }: { from: RelationName; to: RelationName },
): string[] {
  return sequences.flatMap((sequence) => {
    if (!sequence.isIdentity) {
      return [`ALTER SEQUENCE ${qualified(sequence)} OWNED BY ${qualified(to)}.${quote(sequence.column)}`]
    }
    const always = columns.find(({ name }) => name === sequence.column)?.identity === 'a'
    return moveIdentity(sequence, always, { from, to })
  })
}

/** An identity's sequence cannot change its table: a new one takes its name and its place. */
function moveIdentity(
  sequence: OwnedSequence,
  always: boolean,
  { from, to }: { from: RelationName; to: RelationName },
): string[] {
  const next = { schema: sequence.schema, name: fitIdentifier(sequence.name, '_next') }
  const column = quote(sequence.column)
  return [
    `ALTER TABLE ${qualified(to)} ALTER COLUMN ${column} ADD GENERATED ${always ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY ` +
      `(SEQUENCE NAME ${qualified(next)} ${sequence.options})`,
    `SELECT pg_catalog.setval(${literal(qualified(next))}, last_value, is_called) FROM ${qualified(sequence)}`,
    `ALTER TABLE ${qualified(from)} ALTER COLUMN ${column} DROP IDENTITY`,
    `ALTER SEQUENCE ${qualified(next)} RENAME TO ${quote(sequence.name)}`,
    revokeAll(`${literal(qualified(sequence))}::pg_catalog.regclass`),
    ...sequence.grants,
    ...commentOn(`SEQUENCE ${qualified(sequence)}`, sequence.comment),
  ]
}
