import { readFile } from 'node:fs/promises'
import { UsageError } from '../errors.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import { parseWorkload } from '../workload/workloadFile.ts'

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
export function parseBytes(text: string): number {
  const [, number, unit = 'B'] = /^(\d+(?:\.\d+)?)\s*(B|kB|MB|GB)?$/.exec(text) ?? []
  if (number === undefined)
    throw new UsageError(
      `--budget ${text} is no size.`,
      'Write a number with B, kB, MB or GB, such as 500MB.',
    )
  return Number(number) * { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }[unit as 'B']
}
