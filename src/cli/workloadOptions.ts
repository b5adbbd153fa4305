import { readFile } from 'node:fs/promises'
import type { ClientBase } from 'pg'
import { NotSeen } from '../catalog/notSeen.ts'
import type { CountsLook } from '../catalog/statements.ts'
import { readCounts } from '../catalog/statements.ts'
import { UsageError } from '../errors.ts'
import { borrow } from '../postgres/database.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { countedStatements } from '../workload/countedStatements.ts'
import { countsSince, keepCounts } from '../workload/countsFile.ts'
import type { LeftOut, Unsure } from '../workload/leftOut.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import { parseWorkload } from '../workload/workloadFile.ts'

/** Where the statements come from. */
export interface WorkloadOptions {
  workload?: string
  keepCounts?: string
  since?: string
}

/** Statements, and what is not among them or not known well. */
export interface ReadWorkload {
  statements: WorkloadStatement[]
  leftOut: LeftOut[]
  unsure: Unsure[]
  /** For how long the server has counted them. */
  hours?: number
}

/**
 * The statements of `--workload FILE`, else those of pg_stat_statements.
 *
 * @throws UsageError where there is none
 */
export async function workloadOf(client: ClientBase, options: WorkloadOptions): Promise<ReadWorkload> {
  const { workload: file, keepCounts: keptIn, since } = options
  if (file !== undefined && (keptIn ?? since) !== undefined) {
    throw new UsageError(
      '--keep-counts and --since are for pg_stat_statements, and --workload names a file.',
      'Leave one of them out.',
    )
  }
  const workload =
    file === undefined
      ? await readCounted(client, options)
      : { statements: await readWorkload(file), leftOut: [], unsure: [] }
  if (workload.statements.length > 0) return workload
  throw new UsageError(
    `The workload is empty${whyEmpty(workload)}.`,
    'Give a file with --workload, or wait until statements were counted.',
  )
}

function whyEmpty({ leftOut, unsure }: ReadWorkload): string {
  const [first] = leftOut
  const reasons = unsure.map(({ about, reason }) => `${about}: ${reason}`)
  if (first) {
    const example = `${first.statement.name}: ${first.reason}`
    reasons.push(`${leftOut.length} of this role or visible to it are left out, such as ${example}`)
  }
  return reasons.map((reason) => `; ${reason}`).join('')
}

async function readCounted(
  client: ClientBase,
  { keepCounts: keptIn, since }: WorkloadOptions,
): Promise<ReadWorkload> {
  const look = await lookAtCounts(client)
  const counted = since === undefined ? look : await countsSince(since, look)
  if (keptIn !== undefined) await keepCounts(keptIn, look)
  const { countedSince, takenAt } = counted
  const hours = countedSince && (takenAt.getTime() - countedSince.getTime()) / 3_600_000
  return { ...(await countedStatements(counted)), ...(hours === null ? {} : { hours }) }
}

async function lookAtCounts(client: ClientBase): Promise<CountsLook> {
  try {
    return await readOnly(client, () => readCounts(borrow(client)))
  } catch (error) {
    if (!(error instanceof NotSeen)) throw error
    throw new UsageError(
      `There is no workload: ${error.message}.`,
      'Give a file of statements with --workload.',
    )
  }
}

/** The statements of `--workload FILE`. */
export async function readWorkload(file: string): Promise<WorkloadStatement[]> {
  try {
    return parseWorkload(await readFile(file, 'utf8'))
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`The workload ${file} cannot be read.`, 'Check the path and its permissions.', {
      cause: error,
    })
  }
}

/** Only a file can have every statement: pg_stat_statements forgets those that are seldom sent. */
export function refuseCompleteWithoutFile({
  complete,
  workload,
}: {
  complete?: boolean
  workload?: string
}): void {
  if (complete !== true || workload !== undefined) return
  throw new UsageError(
    '--complete says that a workload has every statement, and there is no file of statements.',
    'Give the file with --workload; pg_stat_statements forgets statements that are seldom sent.',
  )
}

/** `500MB` -> 524288000: a number of bytes, kB, MB or GB, as PostgreSQL counts them. */
export function parseBytesOf(option: string): (text: string) => number {
  return (text) => bytesOf(option, text)
}

function bytesOf(option: string, text: string): number {
  const [, number, unit = 'B'] = /^(\d+(?:\.\d+)?)\s*(B|kB|MB|GB)?$/.exec(text) ?? []
  if (number === undefined)
    throw new UsageError(
      `${option} ${text} is no size.`,
      'Write a number with B, kB, MB or GB, such as 500MB.',
    )
  return Number(number) * { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }[unit as 'B']
}
