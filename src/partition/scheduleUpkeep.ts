import type { Operation } from '../operations/operation.ts'
import { work } from '../operations/operation.ts'
import { operationTitle } from '../operations/titles.ts'
import { display, quote } from '../postgres/identifiers.ts'
import { literal } from './remake.ts'
import type { Subject } from './subject.ts'
import { helperSchema } from './subject.ts'

/**
 * Jobs of pg_cron that make partitions ahead, and drop old ones where a retention is declared, each night.
 *
 * ```sql
 * SELECT cron.schedule('hundredfold add_partitions_of_bookings', '17 2 * * *', 'SELECT private.add_partitions_of_bookings()');
 * ```
 */
export function scheduleUpkeep(subject: Subject, retention: string | undefined): Operation {
  const { table, key, functions } = subject
  const jobs = [
    {
      name: `hundredfold ${functions.addPartitions}`,
      when: '17 2 * * *',
      command: `SELECT ${quote(helperSchema)}.${quote(functions.addPartitions)}()`,
    },
    ...(retention === undefined
      ? []
      : [
          {
            name: `hundredfold ${functions.dropPartitions}`,
            when: '47 2 * * *',
            command: `CALL ${quote(helperSchema)}.${quote(functions.dropPartitions)}(${literal(retention)})`,
          },
        ]),
  ]
  return {
    ...work('partitionTable', 'schedule', table.schema, table.name, key),
    on: [table.schema, table.name],
    title: operationTitle('schedule', 'upkeep', 'of', table.name),
    rule: 'partition_candidate',
    why:
      `pg_cron makes the next partitions of ${display(table)} each night` +
      (retention === undefined
        ? '.'
        : `, and drops those whose rows are all older than ${retention}. Dropped rows cannot come back.`),
    up: jobs.map(
      ({ name, when, command }) =>
        `SELECT cron.schedule(${literal(name)}, ${literal(when)}, ${literal(command)})`,
    ),
    down: jobs.map(({ name }) => `SELECT cron.unschedule(${literal(name)})`),
    before: [],
    after: [],
  }
}
