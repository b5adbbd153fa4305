import type { BloatedTable, BloatSurvey } from '../operate/bloat/findBloat.ts'
import type { Shortage } from '../operate/bloat/freeDisk.ts'
import type { Remedy, RemedyKind } from '../operate/bloat/remedy.ts'
import { remedyOf } from '../operate/bloat/remedy.ts'
import type { Returned, RewriteAction } from '../operate/bloat/rewriteAction.ts'
import { display } from '../postgres/identifiers.ts'
import { textTable } from './textTable.ts'
import { bytes, duration } from './units.ts'

const shown = 20

/** Tables with what is empty in them and what helps, for people. */
export function bloatText({ tables }: BloatSurvey, isEverything: boolean): string {
  const worth = isEverything ? tables : tables.filter(({ remedy }) => remedy !== undefined)
  const unknown = tables.filter(({ kind }) => kind === 'unknown').length
  const notes =
    unknown > 0
      ? `\nOf ${unknown === 1 ? 'one table' : `${unknown} tables`} it is not known: ANALYZE ${unknown === 1 ? 'it' : 'them'}, or CREATE EXTENSION pgstattuple measures instead of estimating.`
      : ''
  if (worth.length === 0) return `No table is bloated enough to do anything about it.${notes}`
  const table = textTable(
    [
      { title: 'table' },
      { title: 'heap', align: 'right' },
      { title: 'empty', align: 'right' },
      { title: 'TOAST empty', align: 'right' },
      { title: 'indexes', align: 'right' },
      { title: 'empty', align: 'right' },
      { title: 'figures' },
      { title: 'remedy', width: 60 },
    ],
    worth
      .slice(0, shown)
      .map((each) => [
        display(each),
        bytes(each.space.heapBytes),
        share(each.space.heapWasted, each.space.heapBytes),
        share(each.space.toastWasted, each.space.toastBytes),
        bytes(each.space.indexBytes),
        share(each.space.indexWasted, each.space.indexBytes),
        each.kind,
        each.remedy === undefined
          ? 'none needed'
          : [
              ...remedyLines(remedyOf(each.remedy, each.space)),
              ...(each.facts.isOwned ? [] : ['by its owner: it belongs to another role than this one']),
            ],
      ]),
  )
  const more = worth.length > shown ? `\nand ${worth.length - shown} more; --json has all` : ''
  return `${table}${more}${notes}`
}

function share(wasted: number, whole: number): string {
  return whole === 0 || wasted === 0 ? '' : `${bytes(wasted)} (${Math.round((100 * wasted) / whole)} %)`
}

/** An action before it is done: what runs, and what it does, needs and brings. */
export function actionLines({ table, title, affects, sql }: RewriteAction, kind: RemedyKind): string[] {
  const more = [...sql.split('\n'), ...remedyLines(remedyOf(kind, table.space)), ...affects]
  return [title, ...more.map((line) => `  ${line}`)]
}

/** Why a table cannot be written anew. */
export function shortageText({ table, needsBytes, freeBytes }: Shortage): string {
  return `Writing ${display(table)} anew needs ${bytes(needsBytes)} of free disk, and there are ${bytes(freeBytes)}; nothing was done.`
}

/** What a remedy does, needs and brings. */
function remedyLines({ kind, lock, needsBytes, takesMs, returnsBytes }: Remedy): string[] {
  return [
    `--run ${kind}: ${returnsBytes > 0 ? `${bytes(returnsBytes)} come back` : 'lets new rows use the space'}, in about ${duration(Math.max(1_000, Math.round(takesMs / 1_000) * 1_000))}`,
    lock,
    ...(needsBytes > 0 ? [`needs ${bytes(needsBytes)} of free disk meanwhile`] : []),
  ]
}

/** What came back, a line for each table. */
export function returnedLines(returned: readonly Returned[]): string[] {
  return returned.flatMap(({ table, kind, returnedBytes, ms, notes }) => [
    `${kind.padEnd(8)}${display(table)}: ${
      returnedBytes >= 0 ? `${bytes(returnedBytes)} returned` : `grew by ${bytes(-returnedBytes)} meanwhile`
    } in ${duration(ms)}`,
    ...notes.map((note) => `        ${note}`),
  ])
}

/** The body of the JSON document. */
export function bloatJson({ tables, repack }: BloatSurvey, returned: readonly Returned[]): object {
  return {
    repack: repack?.version ?? null,
    tables: tables.map((table) => {
      const done = returned.find((each) => each.table.oid === table.oid)
      return {
        name: [table.schema, table.name],
        wastedBytes: Math.round(table.wastedBytes),
        kind: table.kind,
        remedy: table.remedy ?? null,
        ...(table.remedy ? { foretold: remedyOf(table.remedy, table.space) } : {}),
        space: table.space,
        indexes: table.indexes.map(indexJson),
        unknown: table.unknown,
        ...(done
          ? { ran: done.kind, returnedBytes: done.returnedBytes, ms: Math.round(done.ms), notes: done.notes }
          : {}),
      }
    }),
  }
}

function indexJson({
  schema,
  name,
  sizeBytes,
  wastedBytes,
  kind,
  confidence,
}: BloatedTable['indexes'][number]): object {
  return { name: [schema, name], sizeBytes, wastedBytes, kind, confidence }
}
