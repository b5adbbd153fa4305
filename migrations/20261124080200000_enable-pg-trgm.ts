import type { MigrationBuilder } from 'node-pg-migrate'
import {
  extensionIsAbsent,
  extensionIsAvailable,
  extensionIsInstalled,
  schemaExists,
  type Optimization,
} from 'hundredfold'

const extension = 'pg_trgm'

export const optimization: Optimization = {
  why:
    'The support desk searches people by any part of their name; only trigrams let an index answer ' +
    'ILIKE with a leading %.',
  rule: 'missing_index',
  before: [extensionIsAvailable(extension), extensionIsAbsent(extension), schemaExists('extensions')],
  after: [extensionIsInstalled(extension)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.createExtension(extension, { schema: 'extensions' })
}

export function down(pgm: MigrationBuilder): void {
  pgm.dropExtension(extension)
}
