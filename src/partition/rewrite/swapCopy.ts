import { mirrorIsExactBefore } from '../../conditions/mirrors.ts'
import { tableExists, tableIsAbsent } from '../../conditions/tables.ts'
import type { KeptParts } from '../../conditions/wholeTables.ts'
import { tableKeeps, tableStillKeeps } from '../../conditions/wholeTables.ts'
import type { Operation } from '../../operations/operation.ts'
import { condition, work } from '../../operations/operation.ts'
import { commentOn } from '../../operations/comment.ts'
import { operationTitle } from '../../operations/titles.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import {
  createPolicies,
  dropRowFunctions,
  grantAll,
  literal,
  pointDependents,
  republish,
  revokeAll,
} from '../remake.ts'
import { followTriggerOf } from '../childKeys.ts'
import { closeLeaf } from '../leaves.ts'
import { refuseWayBack } from '../refuseWayBack.ts'
import { moveSequences, returnSequences } from '../sequences.ts'
import { createStatistics, keysToPartitions, lockAll, rename } from '../swap.ts'
import { createTriggers, dropTriggers } from '../triggers.ts'
import type { CopySubject } from './copySubject.ts'
import { isPartitionedBy, mirrorKey } from './copySubject.ts'
import { createMirrorTriggers, dropMirrorTriggers } from './mirror.ts'

/**
 * The short transaction in which the copy takes the table's place. The old table stays, closed, under another name, and
 * from then on mirrors the new one: so `down` is as short, whatever has changed since.
 */
export async function swapCopy(
  subject: CopySubject,
  digests: KeptParts,
  indexes: string,
): Promise<Operation> {
  const { table, key, split, copy, before, mirror } = subject
  const name = { schema: table.schema, name: table.name }
  const except = [...subject.added, mirror.trigger, mirror.truncate]
  const keeps = condition(tableKeeps, name, digests, key, except)
  return {
    ...work('partitionTable', 'swapCopy', name, key, split),
    on: [table.schema, table.name],
    title: operationTitle('partition', table.name, 'by', key),
    rule: 'partition_candidate',
    why:
      `The copy takes the place of ${display(table)}. The old table stays as ${display(before)}, which nobody but its ` +
      'owner can read, and gets every change of the new one, so that `down` works at any time. Policies, privileges, ' +
      'triggers, keys, views and publications are made again on the new table, and the conditions compare them with ' +
      'what was there when this file was written.',
    up: await toCopy(subject),
    down: await toBefore(subject),
    before: [
      condition(tableExists, copy),
      condition(tableIsAbsent, before),
      condition(mirrorIsExactBefore, name, copy, mirrorKey(subject)),
      keeps,
      condition(tableStillKeeps, name, { indexes }, key, except),
    ],
    after: [isPartitionedBy(subject), condition(tableExists, before), keeps],
  }
}

async function toCopy(subject: CopySubject): Promise<string[]> {
  const { table, copy, before } = subject
  const on = qualified(table)
  return [
    lockAll(subject, [copy]),
    ...leaveTable(subject),
    ...dropTriggers(
      table,
      subject.children.map(({ followTrigger: name }) => ({ name })),
    ),
    ...dropMirrorTriggers(subject),
    `ALTER TABLE ${on} RENAME TO ${quote(before.name)}`,
    ...renameKept(subject, 'away'),
    `ALTER TABLE ${qualified(copy)} RENAME TO ${quote(table.name)}`,
    ...renameCopied(subject, 'home'),
    ...moveSequences({ ...subject, history: before }),
    ...createStatistics(table.statistics),
    ...closeLeaf(before),
    ...createPolicies(table, table),
    ...(table.rowSecurity ? [] : [`ALTER TABLE ${on} DISABLE ROW LEVEL SECURITY`]),
    ...grantAll(table, table),
    revokeAll(`${literal(qualified(before))}::pg_catalog.regclass`),
    ...(await createTriggers(table, table.triggers)),
    ...createMirrorTriggers(subject, 'toBefore'),
    ...keysToPartitions(subject),
    ...pointDependents(table),
    ...republish(table.publications, { from: before, to: table }, () => true),
    ...commentOn(`TABLE ${on}`, table.comment),
  ]
}

async function toBefore(subject: CopySubject): Promise<string[]> {
  const { table, copy, before, children } = subject
  const on = qualified(table)
  const closed = qualified(copy)
  return [
    refuseWayBack(table),
    lockAll(subject, [before]),
    ...leaveTable(subject),
    ...dropMirrorTriggers(subject),
    `ALTER TABLE ${on} RENAME TO ${quote(copy.name)}`,
    ...table.policies.map(({ name }) => `DROP POLICY ${quote(name)} ON ${closed}`),
    ...table.statistics.map((name) => `DROP STATISTICS ${qualified(name)}`),
    ...renameCopied(subject, 'away'),
    `ALTER TABLE ${qualified(before)} RENAME TO ${quote(table.name)}`,
    ...renameKept(subject, 'home'),
    ...returnSequences(subject, copy),
    ...closeLeaf(copy),
    ...(table.rowSecurity ? [] : [`ALTER TABLE ${on} DISABLE ROW LEVEL SECURITY`]),
    ...grantAll(table, table),
    ...(await createTriggers(table, table.triggers)),
    ...children.map((child) => followTriggerOf(subject, child)),
    ...createMirrorTriggers(subject, 'toCopy'),
    ...children.flatMap(({ key }) => [
      `ALTER TABLE ${qualified(key.table)} ADD CONSTRAINT ${quote(key.name)} ${key.definition} NOT VALID`,
      ...commentOn(`CONSTRAINT ${quote(key.name)} ON ${qualified(key.table)}`, key.comment),
    ]),
    ...pointDependents(table),
    ...republish(table.publications, { from: copy, to: table }, () => false),
    revokeAll(`${literal(closed)}::pg_catalog.regclass`),
  ]
}

/** What would keep the name's table from being another one. */
function leaveTable({ table, children }: CopySubject): string[] {
  return [
    ...dropRowFunctions(table),
    ...children.map(({ key }) => `ALTER TABLE ${qualified(key.table)} DROP CONSTRAINT ${quote(key.name)}`),
    ...dropTriggers(table, table.triggers),
  ]
}

/** Names of the old table's constraints, indexes and statistics: away while the copy has its name, and home again. */
function renameKept({ table, before, renamed }: CopySubject, way: 'away' | 'home'): string[] {
  const turned = (names: ReadonlyMap<string, string>) =>
    way === 'away' ? names : new Map(Array.from(names, ([from, to]) => [to, from]))
  const on = qualified(way === 'away' ? before : table)
  const of = (name: string) => qualified({ schema: table.schema, name })
  return [
    ...rename(
      turned(renamed.constraints),
      (from, to) => `ALTER TABLE ${on} RENAME CONSTRAINT ${quote(from)} TO ${quote(to)}`,
    ),
    ...rename(turned(renamed.indexes), (from, to) => `ALTER INDEX ${of(from)} RENAME TO ${quote(to)}`),
    ...rename(
      turned(renamed.statistics),
      (from, to) => `ALTER STATISTICS ${of(from)} RENAME TO ${quote(to)}`,
    ),
  ]
}

/** Names of the copy's: home on the way up, and away again on the way down. */
function renameCopied({ table, copy, uniques, indexes }: CopySubject, way: 'away' | 'home'): string[] {
  const on = qualified(way === 'home' ? table : copy)
  const pair = (name: string, onCopy: string) => (way === 'home' ? [onCopy, name] : [name, onCopy])
  return [
    ...uniques.flatMap(({ constraint, onCopy }) => {
      const [from = '', to = ''] = pair(constraint.name, onCopy)
      const text = way === 'home' ? commentOn(`CONSTRAINT ${quote(to)} ON ${on}`, constraint.comment) : []
      return [`ALTER TABLE ${on} RENAME CONSTRAINT ${quote(from)} TO ${quote(to)}`, ...text]
    }),
    ...indexes.map(({ index, onCopy }) => {
      const [from = '', to = ''] = pair(index.name, onCopy)
      return `ALTER INDEX ${qualified({ schema: table.schema, name: from })} RENAME TO ${quote(to)}`
    }),
  ]
}
