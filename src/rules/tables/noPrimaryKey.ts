import { primaryKeyFromIndex } from '../../operations/primaryKeyFromIndex.ts'
import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import { listForeignKeyTargets } from '../../catalog/foreignKeys.ts'
import type { Table } from '../../catalog/tables.ts'
import { knownRows, listTables } from '../../catalog/tables.ts'
import type { DefinedIndex } from '../../catalog/indexDefinitions.ts'
import { defineIndexes } from '../../catalog/indexDefinitions.ts'
import type { TableIndex } from '../../catalog/indexes.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import { byTable } from '../../catalog/byTable.ts'
import { estimated, measured, migration, runbook } from '../remedies.ts'
import type { Remedy, Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'

/**
 * Tables without a primary key. Nothing tells two equal rows apart. An update through logical replication reads the
 * whole table to find its row, or is refused. Clients of the API cannot address a row.
 *
 * ```sql
 * CREATE TABLE events (id bigint NOT NULL, body text);
 * CREATE UNIQUE INDEX events_id ON events (id);                          -- before: a key in all but name
 * ALTER TABLE events ADD CONSTRAINT events_id PRIMARY KEY USING INDEX events_id;  -- after; nothing is built
 * ```
 */
export const noPrimaryKey: Rule = {
  name: 'no_primary_key',
  finds: 'tables without a primary key',
  cure: 'the unique index that is one in all but name, else steps to add one',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const referenced = await context.read(listForeignKeyTargets)
    const indexes = byTable(await context.read(listIndexes))
    const found = (await context.read(listTables))
      .filter(
        (table) =>
          wanted(table.schema) &&
          table.kind !== 'm' &&
          !table.hasPrimaryKey &&
          !table.isPartition &&
          !table.isExtensionOwned,
      )
      .map((table) => ({
        table,
        index: indexes.get(table.oid)?.find((index) => couldBeKey(index) && !referenced.has(index.oid)),
      }))
    const defined = await defineIndexes(
      context.db,
      found.flatMap(({ index }) => index ?? []),
    )
    return found.map(({ table, index }) => {
      const key = index && defined.get(index.oid)
      return {
        level: 'warn' as const,
        subject: [table.schema, table.name],
        detail: `${display(table)} has no primary key.`,
        evidence: [
          estimated('rows', knownRows(table)),
          ...(key ? [measured('unique index on columns that are never NULL', key.definition)] : []),
        ],
        remedy: table.kind === 'r' && !table.hasChildren && key ? promote(table, key) : steps(table),
      }
    })
  },
}

/** A unique index, not yet a constraint's, on every row and on plain columns that are NOT NULL, in default order. */
function couldBeKey(index: TableIndex): boolean {
  return (
    index.isUnique &&
    index.isValid &&
    index.predicate === null &&
    index.protectedBecause === 'it keeps values unique' &&
    index.keys.every(
      ({ column, isDescending, nullsFirst }) => column?.notNull === true && !isDescending && !nullsFirst,
    )
  )
}

function promote(table: Table, index: DefinedIndex): Remedy {
  return migration(
    primaryKeyFromIndex({ schema: table.schema, name: table.name }, index, {
      rule: 'no_primary_key',
      why:
        `${display(table)} has no primary key, and its unique index ${displayIdentifier(index.name)} on columns ` +
        'that are never NULL is one in all but name. The index becomes the key; nothing is built.',
    }),
  )
}

function steps(table: Table): Remedy {
  return runbook(
    `Give ${display(table)} a primary key`,
    'Where columns identify a row: CREATE UNIQUE INDEX CONCURRENTLY on them, SET NOT NULL each, then ' +
      `ALTER TABLE ${qualified(table)} ADD PRIMARY KEY USING INDEX ...; the last two lock the table for a moment.`,
    `Where none do: ALTER TABLE ${qualified(table)} ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY; ` +
      'it rewrites the table under an exclusive lock, so in a quiet hour where it is large.',
  )
}
