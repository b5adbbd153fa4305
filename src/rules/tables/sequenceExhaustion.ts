import { widenSequence } from '../../operations/widenSequence.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import type { Sequence } from '../../catalog/sequences.ts'
import { listSequences } from '../../catalog/sequences.ts'
import { endOfSequence, largestBigint, usedPart } from '../../metrics/sequenceUse.ts'
import { monitorTargets } from '../../metrics/targets.ts'
import { measured, migrationOr, runbook } from '../remedies.ts'
import type { Violation, Remedy, Rule } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'

const warnAt = monitorTargets.sequence_usage / 100
const errorAt = 0.9

/**
 * Sequences that near their end, or the end of the column that they fill. After the last value every insert fails.
 *
 * ```sql
 * SELECT nextval('orders_id_seq');  -- before: ERROR: reached maximum value of sequence (2147483647)
 * ALTER SEQUENCE orders_id_seq AS bigint MAXVALUE 9223372036854775807;  -- where the column is a bigint
 * ```
 *
 * A column that is too narrow itself has to be widened first, and that rewrites the table: the finding has the steps
 * that do it while the application runs.
 */
export const sequenceExhaustion: Rule = {
  name: 'sequence_exhaustion',
  finds: 'sequences that near their end, or that of their column',
  cure: 'a wider sequence, or steps to widen the column online',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const findings: Violation[] = []
    let hidden = 0
    for (const sequence of await context.read(listSequences)) {
      if (!wanted(sequence.schema) || sequence.isExtensionOwned || sequence.cycles) continue
      if (!sequence.isVisible) hidden += 1
      if (sequence.lastValue === null) continue
      const used = usedPart(sequence)
      if (used < warnAt) continue
      const percent = Math.floor(used * 1000) / 10
      findings.push({
        level: used >= errorAt ? 'error' : 'warn',
        subject: [sequence.schema, sequence.name],
        detail: `Sequence ${display(sequence)} has used ${percent} % of its values; after the last one inserts fail.`,
        evidence: [
          measured('last value', sequence.lastValue),
          measured('last possible value', endOfSequence(sequence).toString()),
          measured('used', percent, '%'),
          ...(sequence.column
            ? [
                measured(
                  'fills',
                  `${display(sequence.column.table)}.${displayIdentifier(sequence.column.name)} (${sequence.column.type})`,
                ),
              ]
            : []),
        ],
        remedy: await cureOf(sequence),
      })
    }
    if (hidden === 0) return findings
    throw new CannotSee(
      `${hidden} sequences are hidden from this role; SELECT on them shows how far they are.`,
      findings,
    )
  },
}

async function cureOf(sequence: Sequence): Promise<Remedy> {
  const { column } = sequence
  if (column && ['smallint', 'integer'].includes(column.type)) return widenColumn(sequence, column)
  const how = (reason: string): Remedy =>
    runbook(
      `Widen sequence ${displayIdentifier(sequence.name)}`,
      `ALTER SEQUENCE ${qualified(sequence)} AS bigint; -- with a MAXVALUE or MINVALUE that is far away`,
      `There is no migration for it: ${reason}.`,
    )
  if (sequence.type === 'bigint' && sequence.maximum === largestBigint.toString()) {
    return how('its type holds no more values; start over with ids that are free, or another kind of key')
  }
  return migrationOr(
    () =>
      widenSequence(sequence, {
        rule: 'sequence_exhaustion',
        why:
          `Sequence ${display(sequence)} is at ${sequence.lastValue} of ${sequence.maximum}; after that every insert ` +
          'fails. The column that it fills can hold more.',
      }),
    how,
  )
}

function widenColumn(sequence: Sequence, column: NonNullable<Sequence['column']>): Remedy {
  const table = qualified(column.table)
  const name = quote(column.name)
  return runbook(
    `Widen ${display(column.table)}.${displayIdentifier(column.name)} to bigint while the application runs`,
    `ALTER TABLE ${table} ADD COLUMN new_id bigint; -- instant`,
    `A BEFORE INSERT OR UPDATE trigger that sets NEW.new_id := NEW.${name}.`,
    `Fill new_id in batches of some 10,000 rows, each a transaction of its own, VACUUM between them.`,
    `CREATE UNIQUE INDEX CONCURRENTLY on (new_id), and an index for each foreign key column that refers here, widened the same way.`,
    `In one short transaction: drop the trigger, rename ${name} away and new_id to ${name}, move the default and the primary key.`,
    `ALTER SEQUENCE ${qualified(sequence)} AS bigint;`,
    'For a small table in a quiet hour one statement does it, under an exclusive lock: ' +
      `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE bigint;`,
  )
}
