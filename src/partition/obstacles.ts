import { display, displayIdentifier, qualified } from '../postgres/identifiers.ts'
import type { ActingRole } from '../catalog/actingRole.ts'
import type { WholeTable } from '../catalog/wholeTable.ts'
import { ofMaterializedView } from './viewObstacles.ts'
import { lackingKey } from './keys.ts'

/** Something of the table that cannot be kept, or that stops the work. */
export interface Obstacle {
  /** The object, as `--accept` takes it. */
  name: string
  reason: string
  /** It can be lived without, once somebody has said so by its name. */
  acceptable: boolean
}

/**
 * Everything of the table that a partitioned one cannot have, or that we cannot make again exactly. Read before anything
 * is written; an empty list means that all of it can be kept.
 *
 * @param rewritesHistory the rows are to be copied
 */
export function obstaclesOf(
  table: WholeTable,
  key: string,
  children: readonly WholeTable[],
  acting: ActingRole,
  rewritesHistory = false,
): Obstacle[] {
  return [
    ...ofKind(table),
    ...ofConstraints(table, key, rewritesHistory),
    ...ofTriggers(table),
    ...ofOwners(table, acting),
    ...ofKeysIn(table, key, acting),
    ...[table, ...children.filter((child) => display(child) !== display(table))].flatMap((each) =>
      ofHiddenRows(each, acting),
    ),
    ...children.flatMap((child) => ofChild(child, acting)),
    ...ofDependents(table),
    ...table.materializedViews.flatMap((view) => ofMaterializedView(view, table, acting)),
    ...ofPublications(table, key, acting),
  ]
}

function stop(name: string, reason: string): Obstacle {
  return { name, reason, acceptable: false }
}

function accept(name: string, reason: string): Obstacle {
  return { name, reason, acceptable: true }
}

function ofKind(table: WholeTable): Obstacle[] {
  const name = display(table)
  const reasons: [boolean, string][] = [
    [table.kind === 'p', 'it is partitioned already'],
    [!table.isLogged, 'it is unlogged or temporary, which a partitioned table cannot be'],
    [table.isTyped, 'it is made of a type (CREATE TABLE ... OF), and such a table cannot become a partition'],
    [table.inherits, 'it is a partition or a child of another table'],
    [table.isInherited, 'other tables inherit from it'],
    [table.isExtensionOwned, 'it belongs to an extension'],
    [table.hasLabels, 'it has security labels, which we do not copy'],
    [table.accessMethod !== 'heap', `its rows are kept by the access method ${table.accessMethod}`],
    [table.replicaIdentity === 'i', 'its replica identity is an index; set it to DEFAULT or FULL first'],
  ]
  return [
    ...reasons.filter(([is]) => is).map(([, reason]) => stop(name, reason)),
    ...table.rules.map((rule) => stop(rule, `a rule on ${name}; write a trigger instead`)),
  ]
}

function ofConstraints(table: WholeTable, key: string, rewritesHistory: boolean): Obstacle[] {
  const lacking = lackingKey(table, key)
  const found: Obstacle[] = []
  for (const constraint of table.constraints) {
    const { name, kind, isValidated, isDeferrable, isInheritable } = constraint
    if (kind === 'x') found.push(stop(name, 'partitioned tables have no such exclusion constraint'))
    if (!isValidated) found.push(stop(name, 'it is NOT VALID; validate it first'))
    if (!isInheritable) found.push(stop(name, 'a CHECK with NO INHERIT cannot stand on a partitioned table'))
    if (isDeferrable && (kind === 'p' || kind === 'u'))
      found.push(stop(name, 'it is deferrable, and would not be so with the key in it'))
  }
  for (const { name, columns } of lacking.constraints) {
    const list = columns.map(displayIdentifier).join(', ')
    found.push(
      accept(
        name,
        `it becomes unique on (${list}, ${displayIdentifier(key)}): two rows with one (${list}) and different ` +
          `${displayIdentifier(key)} are no longer refused, and ON CONFLICT (${list}) no longer finds it`,
      ),
    )
  }
  for (const { name } of lacking.indexes) {
    found.push(
      accept(
        name,
        rewritesHistory
          ? 'a unique index without the key goes with the table as it was'
          : 'a unique index without the key can only stay on the rows that are there now',
      ),
    )
  }
  for (const { name, isValid } of table.indexes) {
    if (!isValid) found.push(stop(name, 'it is invalid; drop it or build it again first'))
  }
  return found
}

function ofTriggers(table: WholeTable): Obstacle[] {
  return table.triggers.flatMap(({ name, forEachRow, hasTransition, isConstraint }) => [
    ...(forEachRow && hasTransition
      ? [stop(name, 'a row trigger with transition tables cannot stand on a partition')]
      : []),
    ...(isConstraint ? [stop(name, 'a constraint trigger cannot be made again on the way back')] : []),
  ])
}

function ofOwners(table: WholeTable, { roles }: ActingRole): Obstacle[] {
  const name = display(table)
  const found: Obstacle[] = []
  if (!roles.has(table.owner)) found.push(stop(name, `only its owner ${table.owner} can change it`))
  const others = new Set(table.grants.map(({ grantor }) => grantor).filter((grantor) => !roles.has(grantor)))
  for (const grantor of others) {
    found.push(
      stop(name, `${grantor} has granted privileges on it, and this session may not act as ${grantor}`),
    )
  }
  const owned = [
    ...table.views.map((view) => ({ what: display(view), owner: view.owner })),
    ...table.functions.map(({ signature, owner }) => ({ what: signature, owner })),
  ]
  for (const { what, owner } of owned) {
    if (!roles.has(owner))
      found.push(stop(what, `it reads ${name}, and only its owner ${owner} can change it`))
  }
  return found
}

function ofKeysIn(table: WholeTable, key: string, { version }: ActingRole): Obstacle[] {
  const found = table.keysIn.flatMap(({ name, table: from, ...foreign }) => [
    ...(display(from) === display(table)
      ? [accept(name, 'a row will have to come after the row that it points to, also within one statement')]
      : []),
    ...(foreign.tableKind === 'p' ? [stop(name, `${display(from)} is partitioned itself`)] : []),
    ...(foreign.matchesFull ? [stop(name, 'MATCH FULL cannot be kept with one more column')] : []),
    ...(foreign.isValidated ? [] : [stop(name, 'it is NOT VALID; validate it first')]),
    ...([foreign.onUpdate, foreign.onDelete].includes('SET DEFAULT')
      ? [stop(name, 'ON ... SET DEFAULT cannot be kept with one more column')]
      : []),
  ])
  if (table.keysIn.length > 0 && version < 15) {
    found.push(
      accept(
        `${display(table)}.${displayIdentifier(key)}`,
        `PostgreSQL ${version} moves a row to another partition by deleting it, which its foreign keys notice: ` +
          'accept it only if the key of a row never changes, or upgrade to 15 first',
      ),
    )
  }
  return found
}

/** What keeps old partitions from being dropped: PostgreSQL detaches none that has rows to which rows of the table point. */
export function obstaclesToDrops(table: WholeTable): Obstacle[] {
  return table.keysIn
    .filter(({ table: from }) => display(from) === display(table))
    .map(({ name }) =>
      stop(
        name,
        'the table refers to itself, and rows that others point to cannot go with their partition; leave --retention out',
      ),
    )
}

/** The owner's own statements must reach every row. */
function ofHiddenRows(table: WholeTable, { isExempt }: ActingRole): Obstacle[] {
  if (!table.forcesRowSecurity || isExempt) return []
  return [stop(display(table), 'FORCE ROW LEVEL SECURITY hides rows from its owner, who has to move them')]
}

/** Its rows get a copy of the key, in batches. */
function ofChild(child: WholeTable, { roles }: ActingRole): Obstacle[] {
  const name = display(child)
  return [
    ...(roles.has(child.owner) ? [] : [stop(name, `only its owner ${child.owner} can change it`)]),
    ...(child.inherits
      ? [stop(name, 'it is a partition or a child of another table, and cannot get a column of its own')]
      : []),
    ...(child.constraints.some(({ kind }) => kind === 'p')
      ? []
      : [stop(name, 'it has no primary key, over which its rows could be filled in batches')]),
    ...child.triggers
      .filter(({ events, enabled }) => events.includes('UPDATE') && enabled !== 'D')
      .flatMap(({ name: trigger, forEachRow, isBefore, isConstraint }) => [
        ...(isConstraint
          ? [
              accept(
                trigger,
                `a constraint trigger of ${name}, which fires for every row that gets its copy of the key`,
              ),
            ]
          : []),
        ...(!forEachRow && isBefore
          ? [accept(trigger, `a statement trigger of ${name}, which fires for every batch of the backfill`)]
          : []),
      ]),
  ]
}

function ofDependents(table: WholeTable): Obstacle[] {
  return [
    ...[...table.views, ...table.materializedViews]
      .filter(({ query }) => [display, qualified].some((write) => query.includes(`ONLY ${write(table)}`)))
      .map((view) =>
        stop(display(view), 'it reads ONLY the table, which has no rows itself once partitioned'),
      ),
    ...table.functions
      .filter(({ hasRowType, isUsed }) => hasRowType && isUsed)
      .map(({ signature }) =>
        stop(signature, 'it takes or returns rows of the table, and something depends on it'),
      ),
    ...table.others.map((other) => stop(other, 'it depends on the table in a way that we cannot make again')),
  ]
}

function ofPublications(table: WholeTable, key: string, { roles }: ActingRole): Obstacle[] {
  return table.publications.flatMap(({ name, owner, namesTable, viaRoot, columns, publishesChanges }) => [
    ...(!namesTable && !viaRoot
      ? [accept(name, 'it publishes changes under the names of partitions, since it is of all tables')]
      : []),
    ...(namesTable && !roles.has(owner)
      ? [stop(name, `only its owner ${owner} can change this publication`)]
      : []),
    ...(columns !== null && !columns.includes(key) && publishesChanges
      ? [
          stop(
            name,
            `its list of columns lacks ${displayIdentifier(key)}, which becomes part of the primary key, and ` +
              'PostgreSQL would refuse every UPDATE; add the column to the list first',
          ),
        ]
      : []),
  ])
}
