import type { ClientBase } from 'pg'
import { readKeyRange } from '../catalog/rowsBeyond.ts'
import { findFunctionsIn } from '../catalog/functions.ts'
import { listRelationSizes } from '../catalog/relationSizes.ts'
import { findSchema } from '../catalog/schemas.ts'
import { maySchedule } from '../catalog/cron.ts'
import { findActingRole } from '../catalog/actingRole.ts'
import { listRelationNames, namesBySchema } from '../catalog/relationNames.ts'
import type { WholeTable } from '../catalog/wholeTable.ts'
import { findWholeTable } from '../catalog/wholeTable.ts'
import { UsageError } from '../errors.ts'
import type { Operation } from '../operations/operation.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { unique } from '../unique.ts'
import type { Every } from './intervals.ts'
import { cutoffOf, isKeyType, parseMoment } from './intervals.ts'
import type { Obstacle } from './obstacles.ts'
import { obstaclesOf, obstaclesToDrops } from './obstacles.ts'
import { copyObstaclesOf } from './rewrite/copyObstacles.ts'
import type { KeptBefore } from './rewrite/cleanUp.ts'
import { cleanUp } from './rewrite/cleanUp.ts'
import { copySeriesOf } from './rewrite/copySeries.ts'
import { mostPartitions, nameCopy, partitionBounds } from './rewrite/copySubject.ts'
import type { CopySubject } from './rewrite/copySubject.ts'
import { findBefore } from './rewrite/findBefore.ts'
import { seriesOf } from './series.ts'
import type { Subject } from './subject.ts'
import { helperSchema, nameSubject } from './subject.ts'

export interface PartitionRequest {
  table: RelationName
  key: string
  every: Every
  /** Names of obstacles that somebody can live with. */
  accept: string[]
  /** The first bound; by default beyond every row that may come until the swap. */
  cutoff?: Date
  /** Partitions to make beyond the cutoff. */
  ahead: number
  /** Copy the rows into a partition for each interval, instead of keeping them in one. */
  rewriteHistory?: boolean
  /** How long rows are kept, such as `24 months`: it adds a procedure that drops older partitions. */
  retention?: string
}

/** What a series would be, or why there is none. */
export interface PartitionPlan {
  /** What stops it, and what has to be accepted by name first. */
  refused: Obstacle[]
  accepted: Obstacle[]
  subject?: Subject | CopySubject
  operations: Operation[]
  /** Bytes of the table with indexes and TOAST, which the copy takes once more. */
  copies?: number
  /** The table was copied and swapped already: what is left is to drop the one that it was before. */
  kept?: KeptBefore
}

/**
 * Reads everything that hangs on the table and writes the series that partitions it. The database is only read.
 *
 * ```ts
 * await planPartitions(client, { table, key: 'booking_date', every: 'month', accept: ['bookings_pkey'], ahead: 4 })
 * ```
 *
 * @throws UsageError if there is no such table
 */
export async function planPartitions(client: ClientBase, request: PartitionRequest): Promise<PartitionPlan> {
  return readOnly(client, async () => {
    const db = borrow(client)
    const table = await findWholeTable(db, request.table)
    if (!table) {
      throw new UsageError(
        `There is no table ${display(request.table)}.`,
        'Write --table SCHEMA.NAME as the catalog has it; names are case-sensitive.',
      )
    }
    if (request.retention !== undefined) await checkInterval(client, request.retention)
    const kept = request.rewriteHistory ? await findBefore(db, table, request.every) : undefined
    if (kept) return { refused: [], accepted: [], operations: [await cleanUp(kept)], kept }
    const acting = await findActingRole(db)
    const children: WholeTable[] = []
    for (const name of unique(table.keysIn.map((key) => key.table))) {
      const child = await findWholeTable(db, name)
      if (child) children.push(child)
    }
    const obstacles = [
      ...obstaclesOf(table, request.key, children, acting, request.rewriteHistory),
      ...(request.retention === undefined ? [] : obstaclesToDrops(table)),
      ...(request.rewriteHistory ? copyObstaclesOf(table) : []),
    ]
    const isAccepted = ({ name, acceptable }: Obstacle): boolean =>
      acceptable && request.accept.includes(name)
    const refused = obstacles.filter((each) => !isAccepted(each))
    const accepted = obstacles.filter(isAccepted)
    const keyType = table.columns.find(({ name }) => name === request.key)?.type ?? ''
    if (refused.length > 0 || !isKeyType(keyType)) return { refused, accepted, operations: [] }
    const { first, last, hasNulls } = await readKeyRange(db, table, request.key)
    if (hasNulls) {
      const name = `${display(table)}.${displayIdentifier(request.key)}`
      const reason = 'some rows have no value there, and fit no partition; give them one first'
      return { refused: [{ name, reason, acceptable: false }], accepted, operations: [] }
    }
    const hasHelperSchema = (await findSchema(db, helperSchema)) !== undefined
    const place = { hasHelperSchema, hasCron: await maySchedule(db), retention: request.retention }
    const asked = {
      ...{ table, children, key: request.key, keyType, every: request.every, ahead: request.ahead },
      taken: namesBySchema(await listRelationNames(db)),
      takenFunctions: (await findFunctionsIn(db, helperSchema)).map(({ name }) => name),
    }
    const latest = last === null ? undefined : parseMoment(last)
    if (request.rewriteHistory) {
      const earliest = first === null ? undefined : parseMoment(first)
      const bounds = boundsOf(request, { first: earliest, last: latest })
      const subject = nameCopy(asked, bounds)
      const [size] = await listRelationSizes(db, [table])
      const copies = size?.bytes ?? 0
      return { refused, accepted, subject, operations: await copySeriesOf(subject, place), copies }
    }
    const cutoff = request.cutoff ?? cutoffOf(request.every, new Date(), latest)
    if (latest && latest >= cutoff) {
      throw new UsageError(
        `${display(table)} has rows up to ${last}, which lie beyond --cutoff.`,
        'Give a later --cutoff, or leave it out.',
      )
    }
    const subject = nameSubject({ ...asked, cutoff })
    return { refused, accepted, subject, operations: await seriesOf(subject, place) }
  })
}

function boundsOf(
  { every, ahead }: PartitionRequest,
  { first, last }: { first: Date | undefined; last: Date | undefined },
): { from: Date; to: Date }[] {
  const bounds = partitionBounds(every, { first, last, now: new Date(), ahead })
  if (bounds.length <= mostPartitions) return bounds
  throw new UsageError(
    `From the first row on there would be more than ${mostPartitions} partitions, one for each ${every}.`,
    'Take a longer interval with --every, or look for rows with impossible dates.',
  )
}

async function checkInterval(client: ClientBase, text: string): Promise<void> {
  const { rows } = await client
    .query<{ isPositive: boolean }>(`SELECT $1::pg_catalog.interval > '0' AS "isPositive"`, [text])
    .catch(() => ({ rows: [] }))
  if (rows[0]?.isPositive) return
  throw new UsageError(
    `--retention ${text} is no time.`,
    'Write it as PostgreSQL does: "24 months", "90 days".',
  )
}
