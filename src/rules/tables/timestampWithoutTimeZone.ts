import { knownRows } from '../../catalog/tables.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import { estimated, measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { columnsOfTypes } from './columnsOfTypes.ts'

const withoutZone = /^timestamp(\(\d\))? without time zone$/

/**
 * Columns of type timestamp, which says what a clock showed and not where. `now()` is stored as the clock of the session's
 * TimeZone: two sessions that differ in it write different times for one moment, and a comparison with `now()` is off by
 * the difference.
 *
 * ```sql
 * CREATE TABLE orders (placed_at timestamp DEFAULT now());    -- before
 * CREATE TABLE orders (placed_at timestamptz DEFAULT now());  -- after: the same 8 bytes, one moment everywhere
 * ```
 *
 * It is right for what a clock at some place will show, such as opening hours. So it is a note.
 */
export const timestampWithoutTimeZone: Rule = {
  name: 'timestamp_without_time_zone',
  finds: 'columns of type timestamp, whose moment depends on the TimeZone of the session',
  cure: 'timestamptz, without a rewrite where the stored times are UTC',
  async find(context) {
    return (await columnsOfTypes(context, (type) => withoutZone.test(type))).map(({ table, columns }) => {
      const names = columns.map(({ name }) => displayIdentifier(name))
      const alter = (using: (column: string) => string): string =>
        `ALTER TABLE ${qualified(table)} ${columns
          .map(({ name }) => `ALTER COLUMN ${quote(name)} TYPE timestamptz${using(quote(name))}`)
          .join(', ')};`
      return {
        level: 'info' as const,
        infoBecause: 'that harm only where sessions differ in TimeZone',
        subject: [table.schema, table.name],
        detail: `${display(table)} has ${shortList(names)} without a time zone: which moment they mean depends on the TimeZone of the session that wrote them.`,
        evidence: [measured('columns', names.join(', ')), estimated('rows', knownRows(table))],
        remedy: runbook(
          `See whether ${shortList(names)} of ${display(table)} are moments`,
          'Leave what a clock at some place will show, such as opening hours.',
          `Where they were written as UTC: SET TimeZone = 'UTC'; ${alter(() => '')} -- the same bytes: PostgreSQL rewrites no row, but builds indexes on these columns again, under an exclusive lock. It does rewrite for timestamptz(3), and for USING.`,
          `Where they were written in another zone: ${alter((column) => ` USING ${column} AT TIME ZONE 'Europe/Berlin'`)} -- with that zone's name; rewrites the table under an exclusive lock`,
          'Clients then get the time with its offset: check what reads it.',
        ),
      }
    })
  },
}
