import type { MigrationBuilder } from 'node-pg-migrate'
import { indexIs, indexIsAbsent, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'reviews' }
const index = { schema: 'public', name: 'idx_reviews_comment_search' }
const definition =
  "CREATE INDEX idx_reviews_comment_search ON public.reviews USING gin (to_tsvector('simple'::regconfig, comment)) WITH (fastupdate=off)"

export const optimization: Optimization = {
  why:
    'Nobody searches the text of reviews; a GIN index is the dearest kind to keep, and every review ' +
    'pays for each word.',
  rule: 'unused_index',
  before: [indexIs(index, definition)],
  after: [indexIsAbsent(index)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.noTransaction() // DROP INDEX CONCURRENTLY cannot run inside one.
  pgm.dropIndex(table, [], { name: index.name, concurrently: true })
}

export function down(pgm: MigrationBuilder): void {
  pgm.noTransaction()
  pgm.sql(
    "CREATE INDEX CONCURRENTLY idx_reviews_comment_search ON public.reviews USING gin (to_tsvector('simple'::regconfig, comment)) WITH (fastupdate = off)",
  )
}
