import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import * as z from 'zod'
import { displayIdentifier } from '../postgres/identifiers.ts'
import { errorCode } from '../postgres/sqlState.ts'
import { UsageError, messageOf } from '../errors.ts'
import { ruleNames } from './ruleNames.ts'

/** Where a project keeps it, from its top folder. */
export const ignorePath = '.hundredfold/ignore.yaml'

const entrySchema = z.strictObject({
  rule: z.enum(ruleNames),
  subject: z.string().min(1),
  reason: z.string().trim().min(1),
  expires: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/)
    .refine((day) => !Number.isNaN(Date.parse(`${day}T00:00:00Z`)))
    .optional(),
})

/** A finding that a team has decided to live with. */
export type IgnoreEntry = z.infer<typeof entrySchema>

/**
 * Reads the entries; none where the file is not there.
 *
 * ```yaml
 * - rule: unused_index
 *   subject: public.bookings_*      # * stands for anything
 *   reason: needed for the yearly report
 *   expires: 2027-01-31
 * ```
 *
 * @throws UsageError where the file cannot be read or an entry is not as above.
 */
export async function readIgnoreFile(path = ignorePath): Promise<IgnoreEntry[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return []
    throw new UsageError(`Cannot read ${path}: ${messageOf(error)}.`, 'Make it readable, or remove it.')
  }
  let document: unknown
  try {
    document = parse(text)
  } catch (error) {
    const [firstLine] = messageOf(error).split('\n')
    throw new UsageError(`${path} is not valid YAML: ${firstLine}`, 'Correct the file.', { cause: error })
  }
  const parsed = z.array(entrySchema).safeParse(document ?? [])
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const [entry, field] = issue?.path ?? []
  const where =
    typeof entry === 'number'
      ? `entry ${entry + 1}${field === undefined ? '' : `, ${String(field)}`}`
      : 'the file'
  throw new UsageError(
    `${path}, ${where}: ${issue?.message ?? 'not understood'}.`,
    'An entry has `rule`, `subject` (with * for anything), `reason` and, if it should expire, `expires: YYYY-MM-DD`.',
  )
}

/** What an entry is matched with: a finding, with its operation or as the report has it. */
interface Named {
  rule: string
  subject: string[]
}

/** The findings that no entry names, and the ignored ones, each with the first entry that names it. */
export interface Sifted<F> {
  kept: F[]
  ignored: { finding: F; entry: IgnoreEntry }[]
}

/** Takes out the findings that an entry names. An expired entry names nothing any more. */
export function sift<F extends Named>(entries: IgnoreEntry[], findings: F[], today: Date): Sifted<F> {
  const inForce = entries.filter((entry) => !isExpired(entry, today))
  const sifted: Sifted<F> = { kept: [], ignored: [] }
  for (const finding of findings) {
    const entry = inForce.find((each) => isNamedBy(each, finding))
    if (entry) sifted.ignored.push({ finding, entry })
    else sifted.kept.push(finding)
  }
  return sifted
}

/** An entry holds through the day on which it expires, in UTC. */
export function isExpired({ expires }: IgnoreEntry, today: Date): boolean {
  return expires !== undefined && expires < today.toISOString().slice(0, 10)
}

/** Whether the entry is about the finding: `*` in its subject stands for anything. */
export function isNamedBy(entry: IgnoreEntry, finding: Named): boolean {
  if (entry.rule !== finding.rule) return false
  const parts = entry.subject.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  const pattern = new RegExp(`^${parts.join('.*')}$`, 's')
  return (
    pattern.test(finding.subject.map(displayIdentifier).join('.')) || pattern.test(finding.subject.join('.'))
  )
}
