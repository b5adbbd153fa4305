import type { ActingRole } from '../catalog/actingRole.ts'
import type { WholeMaterializedView } from '../catalog/materializedViews.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { sqlTokens } from '../postgres/sqlTokens.ts'
import type { Obstacle } from './obstacles.ts'

/** What stops a materialized view from being made again exactly, with all that reads it. */
export function ofMaterializedView(
  view: WholeMaterializedView,
  table: RelationName,
  { roles }: ActingRole,
): Obstacle[] {
  const name = display(view)
  const reasons: [boolean, string][] = [
    [!roles.has(view.owner), `only its owner ${view.owner} can change it`],
    [!view.may.create, `it is made again, and this session may make nothing in schema ${view.schema}`],
    [!view.may.ownerCreate, `it is made again, and its owner may make nothing in schema ${view.schema}`],
    [!view.may.ownerReadAll, `its owner ${view.owner} may not read all of ${display(table)}`],
    [view.accessMethod !== 'heap', `its rows are kept by the access method ${view.accessMethod}`],
    [view.isExtensionOwned, 'it belongs to an extension'],
    [view.hasLabels, 'it has security labels, which we do not copy'],
    [view.columns.length === 0, 'it has no columns'],
  ]
  const others = new Set(view.grants.map(({ grantor }) => grantor).filter((grantor) => !roles.has(grantor)))
  return [
    ...reasons.filter(([is]) => is).map(([, reason]) => stop(name, reason)),
    ...Array.from(others, (grantor) =>
      stop(name, `${grantor} has granted privileges on it, and this session may not act as ${grantor}`),
    ),
    ...view.statistics.map((each) =>
      stop(each, `a statistics object on ${name}, which we do not make again`),
    ),
    ...view.indexes
      .filter(({ isValid }) => !isValid)
      .map((index) => stop(index.name, 'it is invalid; drop it or build it again first')),
    ...(tokensOf(view.query).has('TABLESAMPLE')
      ? [stop(name, 'it reads a sample of a table, and on the way back a view stands for the table')]
      : []),
    ...systemColumnsIn(view.query).map((column) =>
      stop(name, `it reads the system column ${column}, which changes with the partition`),
    ),
    ...ofReaders(view, roles),
  ]
}

function ofReaders(view: WholeMaterializedView, roles: ReadonlySet<string>): Obstacle[] {
  const name = display(view)
  const owned = [
    ...view.views.map((each) => ({ what: display(each), owner: each.owner })),
    ...view.functions.map(({ signature, owner }) => ({ what: signature, owner })),
  ]
  return [
    ...owned
      .filter(({ owner }) => !roles.has(owner))
      .map(({ what, owner }) => stop(what, `it reads ${name}, and only its owner ${owner} can change it`)),
    ...view.functions
      .filter(({ hasRowType, isUsed }) => hasRowType && isUsed)
      .map(({ signature }) =>
        stop(signature, `it takes or returns rows of ${name}, and something depends on it`),
      ),
    ...view.others.map((other) => stop(other, `it depends on ${name} in a way that we cannot make again`)),
  ]
}

const systemColumns = new Set(['tableoid', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax'])

function systemColumnsIn(query: string): string[] {
  return [...tokensOf(query)].filter((token) => systemColumns.has(token)).map(displayIdentifier)
}

function tokensOf(query: string): Set<string> {
  return new Set(sqlTokens(query))
}

function stop(name: string, reason: string): Obstacle {
  return { name, reason, acceptable: false }
}
