import type { Split } from '../../catalog/partitions.ts'
import { mirrorIsExact } from '../../conditions/mirrors.ts'
import { tableExists, tableIsAbsent } from '../../conditions/tables.ts'
import type { WholeTable } from '../../catalog/wholeTable.ts'
import { commentOn } from '../../operations/comment.ts'
import type { Operation } from '../../operations/operation.ts'
import { condition, work } from '../../operations/operation.ts'
import { operationTitle } from '../../operations/titles.ts'
import { dollarQuote } from '../../postgres/dollarQuote.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { withoutArrayCasts } from '../../syntax/arrayCasts.ts'
import { unique } from '../../unique.ts'
import { editIndex } from '../editSql.ts'
import { closeLeaf, storageOf } from '../leaves.ts'
import { lockPolitely } from '../lockPolitely.ts'
import { createPolicies, literal, revokeAll, setColumns, setReplicaIdentity } from '../remake.ts'
import { createStatistics } from '../swap.ts'
import type { MirrorNames } from './copySubject.ts'
import { copyRows, workers } from './fillCopy.ts'
import { createMirrorTriggers, dropMirrorTriggers } from './mirror.ts'

/** A table that was copied and swapped, and the one that it was before. */
export interface KeptBefore {
  table: WholeTable
  before: WholeTable
  key: string
  split: Split
  mirror: MirrorNames
}

/**
 * Drops the table as it was before, and the mirror into it. It belongs to no series: it is written on request, once
 * nobody wants to go back at once. `down` makes that table again, by a copy with a mirror, as the series made the other one.
 */
export async function cleanUp(kept: KeptBefore): Promise<Operation> {
  const { table, before, key, split } = kept
  const name = nameOf(table)
  const old = nameOf(before)
  const id = primaryKeyOf(before)
  const sql = copyRows(before, { from: table, to: before, conflict: id })
  const whole = sql.replace('{batch}', 'true')
  const indexes: string[] = []
  for (const { name: index, definition, comment, isOfConstraint } of before.indexes) {
    if (isOfConstraint) continue
    indexes.push(await editIndex(definition, { name: index, table: before, concurrently: true }))
    indexes.push(...commentOn(`INDEX ${qualified({ schema: before.schema, name: index })}`, comment))
  }
  const exact = condition(mirrorIsExact, name, old, { id, key, ...split })
  return {
    ...work('partitionTable', 'cleanUp', name, old),
    on: [table.schema, table.name],
    title: operationTitle('drop', before.name),
    rule: 'partition_candidate',
    why:
      `${display(table)} is partitioned, and ${display(before)} was kept to go back at once. This drops it, and each ` +
      'change is written only once from then on. `down` copies all rows back into such a table.',
    up: [dropBefore(kept)],
    down: [
      inOneTransaction(createBefore(kept)),
      inOneTransaction([
        lockPolitely({ tables: [qualified(table)], mode: 'SHARE ROW EXCLUSIVE' }),
        ...createMirrorTriggers(kept, 'toBefore'),
      ]),
      whole,
      ...indexes,
      ...foreignKeys(before),
      ...createStatistics(before.statistics),
      `ANALYZE ${qualified(before)}`,
    ],
    batches: {
      [whole]: { table: name, key: unique([...id, key]), as: 'source', sql, workers },
    },
    before: [condition(tableExists, old), exact],
    after: [condition(tableIsAbsent, old)],
    noTransaction: 'On the way back, the copy commits each batch.',
  }
}

function nameOf({ schema, name }: RelationName): RelationName {
  return { schema, name }
}

function primaryKeyOf({ constraints }: WholeTable): string[] {
  return constraints.find(({ kind }) => kind === 'p')?.columns ?? []
}

/** One statement: no step lies between what it does. */
function inOneTransaction(statements: readonly string[]): string {
  return `DO ${dollarQuote(`\nBEGIN\n${statements.map((each) => `${each};\n`).join('')}END\n`)}`
}

function dropBefore(kept: KeptBefore): string {
  const { table, before } = kept
  const referenced = before.constraints.flatMap(({ references }) =>
    references ? [qualified(references)] : [],
  )
  return inOneTransaction([
    lockPolitely({
      tables: [qualified(table), qualified(before)],
      mode: 'ACCESS EXCLUSIVE',
      referenced: unique(referenced),
    }),
    ...dropMirrorTriggers(kept),
    `DROP TABLE ${qualified(before)}`,
  ])
}

/** As the old table was, without rows, and closed to everybody. */
function createBefore({ table, before, key }: KeptBefore): string[] {
  const on = qualified(before)
  const isNullable = !before.columns.find(({ name }) => name === key)?.notNull
  const uniques = before.constraints.filter(({ kind }) => kind === 'p' || kind === 'u')
  return [
    `CREATE TABLE ${on} (LIKE ${qualified(table)} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED ` +
      `INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS)${storageOf({ table: before })}`,
    `ALTER TABLE ${on} OWNER TO ${quote(before.owner)}`,
    ...createPolicies(before, before),
    ...closeLeaf(before),
    ...(isNullable ? [`ALTER TABLE ${on} ALTER COLUMN ${quote(key)} DROP NOT NULL`] : []),
    ...setColumns(before, before),
    ...setReplicaIdentity(before, before),
    ...uniques.flatMap(({ name, definition, comment }) => [
      `ALTER TABLE ${on} ADD CONSTRAINT ${quote(name)} ${definition}`,
      ...commentOn(`CONSTRAINT ${quote(name)} ON ${on}`, comment),
    ]),
    ...commentOn(`TABLE ${on}`, before.comment),
    revokeAll(`${literal(on)}::pg_catalog.regclass`),
  ].map(withoutArrayCasts)
}

function foreignKeys(before: WholeTable): string[] {
  const on = qualified(before)
  return before.constraints
    .filter(({ kind }) => kind === 'f')
    .flatMap(({ name, definition, comment }) => [
      `ALTER TABLE ${on} ADD CONSTRAINT ${quote(name)} ${definition} NOT VALID`,
      `ALTER TABLE ${on} VALIDATE CONSTRAINT ${quote(name)}`,
      ...commentOn(`CONSTRAINT ${quote(name)} ON ${on}`, comment),
    ])
}
