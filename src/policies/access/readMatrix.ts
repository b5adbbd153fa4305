import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { UsageError, messageOf } from '../../errors.ts'
import type { AccessMatrix } from './matrix.ts'
import { standings } from './matrix.ts'

const answer = z.string()
const matrix = z.object({
  schemaVersion: z.literal(1),
  command: z.literal('policies test'),
  lines: z.array(
    z.object({
      table: z.string(),
      role: z.string(),
      row: z.enum(standings),
      unknown: z.boolean(),
      answers: z.object({ select: answer, insert: answer, update: answer, delete: answer }),
    }),
  ),
  notes: z.array(z.string()),
})

/**
 * Reads what `policies test --save` wrote.
 *
 * @throws UsageError where it cannot be read, or is another document
 */
export async function readMatrix(path: string): Promise<AccessMatrix> {
  let document: unknown
  try {
    document = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new UsageError(`Cannot read ${path}: ${messageOf(error)}.`, 'Write it with `policies test --save`.')
  }
  const parsed = matrix.safeParse(document)
  if (parsed.success) return parsed.data
  throw new UsageError(
    `${path} is no file of \`policies test --save\`.`,
    'Write it anew, and look at what differs in your version control.',
  )
}
