import type { ClientBase } from 'pg'
import { findKeyEquality } from '../catalog/keyEquality.ts'
import { readKeyRange } from '../catalog/rowsBeyond.ts'
import type { Split } from '../catalog/partitions.ts'
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
import type { Database } from '../postgres/database.ts'
import { borrow } from '../postgres/database.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { unique } from '../unique.ts'
import { keyObstaclesOf, triggersOfMoves } from './keyObstacles.ts'
import { cutoffOf, isKeyType, parseMoment } from './intervals.ts'
import type { Obstacle } from './obstacles.ts'
import { obstaclesOf, obstaclesToDrops } from './obstacles.ts'
import { copyObstaclesOf } from './rewrite/copyObstacles.ts'
import type { KeptBefore } from './rewrite/cleanUp.ts'
import { cleanUp } from './rewrite/cleanUp.ts'
import { copySeriesOf } from './rewrite/copySeries.ts'
import { nameCopy } from './rewrite/copySubject.ts'
import type { CopySubject } from './rewrite/copySubject.ts'
import { findBefore } from './rewrite/findBefore.ts'
import { noValue, readBounds } from './rewrite/readBounds.ts'
import type { PartitionRequest } from './request.ts'
import { checkRequest, splitOf } from './request.ts'
import type { SeriesPlace } from './series.ts'
import { seriesOf } from './series.ts'
import type { HistorySubject, SubjectRequest } from './subject.ts'
import { absentMoment, helperSchema, nameSubject } from './subject.ts'

/** What a series would be, or why there is none. */
export interface PartitionPlan {
  /** What stops it, and what has to be accepted by name first. */
  refused: Obstacle[]
  accepted: Obstacle[]
  subject?: HistorySubject | CopySubject
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
 * @throws UsageError if there is no such table, or parts of the request have no meaning together
 */
export async function planPartitions(client: ClientBase, request: PartitionRequest): Promise<PartitionPlan> {
  checkRequest(request)
  const split = splitOf(request)
  const { ahead = 4 } = request
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
    const kept = request.rewriteHistory ? await findBefore(db, table, split) : undefined
    if (kept) return { refused: [], accepted: [], operations: [await cleanUp(kept)], kept }
    const acting = await findActingRole(db)
    const children: WholeTable[] = []
    for (const name of unique(table.keysIn.map((key) => key.table))) {
      const child = await findWholeTable(db, name)
      if (child) children.push(child)
    }
    const equality = await findKeyEquality(db, table, request.key)
    const obstacles = [
      ...keyObstaclesOf(table, request.key, split, equality),
      ...obstaclesOf(table, request.key, children, acting, request.rewriteHistory),
      ...(request.retention === undefined ? [] : obstaclesToDrops(table)),
      ...(request.rewriteHistory ? copyObstaclesOf(table) : []),
      ...('every' in split ? [] : triggersOfMoves(table, request.key)),
    ]
    const isAccepted = ({ name, acceptable }: Obstacle): boolean =>
      acceptable && request.accept.includes(name)
    const refused = obstacles.filter((each) => !isAccepted(each))
    const accepted = obstacles.filter(isAccepted)
    const keyType = table.columns.find(({ name }) => name === request.key)?.type
    if (refused.length > 0 || keyType === undefined) return { refused, accepted, operations: [] }
    const hasHelperSchema = (await findSchema(db, helperSchema)) !== undefined
    const place = { hasHelperSchema, hasCron: await maySchedule(db), retention: request.retention }
    const asked = {
      ...{ table, children, key: request.key },
      taken: namesBySchema(await listRelationNames(db)),
      takenFunctions: (await findFunctionsIn(db, helperSchema)).map(({ name }) => name),
    }
    const found = request.rewriteHistory
      ? await planCopy(db, { ...asked, keyType, split, isKeyExact: equality?.isExact === true }, place, ahead)
      : await planHistory(db, { ...asked, keyType, split }, place, { cutoff: request.cutoff, ahead })
    return 'reason' in found
      ? { refused: [found], accepted, operations: [] }
      : { refused, accepted, ...found }
  })
}

type Asked = Omit<SubjectRequest, 'absent'> & { split: Split }
type Found = Omit<PartitionPlan, 'refused' | 'accepted'>

async function planCopy(
  db: Database,
  asked: Asked & { isKeyExact: boolean },
  place: SeriesPlace,
  ahead: number,
): Promise<Found | Obstacle> {
  const found = await readBounds(db, asked, { split: asked.split, ahead })
  if ('reason' in found) return found
  const subject = nameCopy({ ...asked, absent: found.absent }, found.bounds)
  const [size] = await listRelationSizes(db, [asked.table])
  return { subject, operations: await copySeriesOf(subject, place), copies: size?.bytes ?? 0 }
}

async function planHistory(
  db: Database,
  { split, keyType, ...asked }: Asked,
  place: SeriesPlace,
  { cutoff: wanted, ahead }: { cutoff: Date | undefined; ahead: number },
): Promise<Found | Obstacle> {
  const { table, key } = asked
  if (!('every' in split) || !isKeyType(keyType)) throw new Error(`${keyType} has no intervals`)
  const { last, hasNulls } = await readKeyRange(db, table, key)
  if (hasNulls) {
    return { name: `${display(table)}.${displayIdentifier(key)}`, reason: noValue, acceptable: false }
  }
  const latest = last === null ? undefined : parseMoment(last)
  const cutoff = wanted ?? cutoffOf(split.every, new Date(), latest)
  if (latest && latest >= cutoff) {
    throw new UsageError(
      `${display(table)} has rows up to ${last}, which lie beyond --cutoff.`,
      'Give a later --cutoff, or leave it out.',
    )
  }
  const named = nameSubject({ ...asked, keyType, absent: absentMoment })
  const subject = { ...named, keyType, every: split.every, cutoff, ahead }
  return { subject, operations: await seriesOf(subject, place) }
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
