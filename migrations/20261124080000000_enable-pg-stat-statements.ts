import type { MigrationBuilder } from 'node-pg-migrate'
import {
  extensionIsAbsent,
  extensionIsAvailable,
  extensionIsInstalled,
  extensionIsPreloaded,
  schemaExists,
  type Optimization,
} from 'hundredfold'

const extension = 'pg_stat_statements'

export const optimization: Optimization = {
  why:
    'Nobody knows which statements cost the most: nothing counts them. pg_stat_statements does, for ' +
    'about one percent of the time.',
  rule: 'missing_pg_stat_statements',
  before: [
    extensionIsAvailable(extension),
    extensionIsPreloaded(extension),
    extensionIsAbsent(extension),
    schemaExists('extensions'),
  ],
  after: [extensionIsInstalled(extension), extensionIsPreloaded(extension)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.createExtension(extension, { schema: 'extensions' })
}

export function down(pgm: MigrationBuilder): void {
  pgm.dropExtension(extension)
}
