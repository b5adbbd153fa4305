import { cacheOutbox } from '../catalog/cacheOutbox.ts'
import { cacheOutboxIsUsable } from '../conditions/cache.ts'
import { schemaIsAbsent } from '../conditions/schemas.ts'
import { tableExists } from '../conditions/tables.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import type { Operation } from './operation.ts'
import { condition, work } from './operation.ts'

/**
 * The outbox of changed tags, in a schema of its own. One row is one statement. Its key is a number alone, so that writers
 * of the same tag never wait for each other. `down` fails while functions of triggers are in the schema: without the outbox
 * every write to their tables would fail.
 */
export function createCacheOutbox(): Operation {
  const schema = quote(cacheOutbox.schema)
  const table = qualified(cacheOutbox)
  return {
    ...work('createCacheOutbox'),
    on: [cacheOutbox.schema],
    title: 'create-cache-outbox',
    rule: 'slow_query',
    why:
      'What is read often and changes seldom is cached, and a cached value must go when a write commits. Triggers write the ' +
      'tags of changed rows here, in the same transaction, so that none is missed while nobody listens.',
    up: [
      `CREATE SCHEMA ${schema}`,
      // Rows come and go: the table has to be vacuumed by their number, not by a share of it.
      `CREATE TABLE ${table} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tags text[] NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)`,
      `COMMENT ON TABLE ${table} IS 'Tags of changed rows that no cache has dropped yet; hundredfold cache invalidate empties it.'`,
    ],
    down: [`DROP TABLE ${table}`, `DROP SCHEMA ${schema}`],
    before: [condition(schemaIsAbsent, cacheOutbox.schema)],
    after: [condition(tableExists, cacheOutbox), condition(cacheOutboxIsUsable)],
  }
}
