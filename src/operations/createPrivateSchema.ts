import { schemaExists, schemaIsAbsent } from '../conditions/schemas.ts'
import { quote } from '../postgres/identifiers.ts'
import type { Operation } from './operation.ts'
import { condition, work } from './operation.ts'

/** A schema for functions that no API may expose and nobody but their owner calls. */
export function createPrivateSchema(schema: string): Operation {
  return {
    ...work('partitionTable', 'schema', schema),
    on: [schema],
    title: `create-schema-${schema}`,
    rule: 'partition_candidate',
    why: 'A place for the functions that keep partitions, which no API may expose.',
    up: [`CREATE SCHEMA ${quote(schema)}`],
    down: [`DROP SCHEMA ${quote(schema)}`],
    before: [condition(schemaIsAbsent, schema)],
    after: [condition(schemaExists, schema)],
  }
}
