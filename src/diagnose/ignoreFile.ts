import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod'
import { displayIdentifier } from '../db/identifiers.ts'
import { errorCode } from '../db/sqlState.ts'
import { UsageError } from '../errors.ts'
import { ruleNames } from '../rules/ruleNames.ts'
import type { IgnoredFinding, ReportFinding } from './report.ts'

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
    throw new UsageError(`${path} is no YAML: ${firstLine(error)}`, 'Mend the file.', { cause: error })
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
    'An entry has `rule`, `subject` (with * for anything), `reason` and, if it is to end, `expires: YYYY-MM-DD`.',
  )
}

/** What an entry is held against: a finding, with its draft or as the report has it. */
type Named = Pick<ReportFinding, 'rule' | 'subject'>

/** The findings that no entry names, and the others, each with the first entry that does. */
export interface Sifted<F> {
  kept: F[]
  ignored: { finding: F; entry: IgnoreEntry }[]
}

/** Takes out the findings that an entry names. An expired entry names nothing any more. */
export function sift<F extends Named>(entries: IgnoreEntry[], findings: F[], today: Date): Sifted<F> {
  const inForce = entries.filter((entry) => !isExpired(entry, today))
  const sifted: Sifted<F> = { kept: [], ignored: [] }
  for (const finding of findings) {
    const entry = inForce.find((each) => names(each, finding))
    if (entry) sifted.ignored.push({ finding, entry })
    else sifted.kept.push(finding)
  }
  return sifted
}

/** What is left of the findings, what was left out, and what is wrong with the entries themselves. */
export interface Ignored {
  findings: ReportFinding[]
  ignored: IgnoredFinding[]
}

/**
 * Takes out the findings that an entry names. An expired entry, and one that names no finding, become findings
 * themselves; whether an entry of a rule that did not run fits, nobody knows.
 */
export function applyIgnoreFile(
  entries: IgnoreEntry[],
  findings: ReportFinding[],
  options: { today: Date; ran: (rule: string) => boolean },
): Ignored {
  const { kept, ignored } = sift(entries, findings, options.today)
  const complaints = entries.flatMap((entry) => {
    if (isExpired(entry, options.today))
      return [complaint(entry, 'warn', `expired on ${entry.expires ?? ''}`)]
    if (options.ran(entry.rule) && !findings.some((finding) => names(entry, finding))) {
      return [complaint(entry, 'info', 'names no finding')]
    }
    return []
  })
  return {
    findings: [...kept, ...complaints],
    ignored: ignored.map(({ finding: { key }, entry: { reason, expires } }) => ({
      ...{ key, reason },
      ...(expires === undefined ? {} : { expires }),
    })),
  }
}

/** An entry holds through the day on which it expires, in UTC. */
function isExpired({ expires }: IgnoreEntry, today: Date): boolean {
  return expires !== undefined && expires < today.toISOString().slice(0, 10)
}

function names(entry: IgnoreEntry, finding: Named): boolean {
  if (entry.rule !== finding.rule) return false
  const parts = entry.subject.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  const pattern = new RegExp(`^${parts.join('.*')}$`, 's')
  return (
    pattern.test(finding.subject.map(displayIdentifier).join('.')) || pattern.test(finding.subject.join('.'))
  )
}

function complaint(entry: IgnoreEntry, level: 'info' | 'warn', problem: string): ReportFinding {
  return {
    key: `ignore_entry ${entry.rule} ${entry.subject}`,
    rule: 'ignore_entry',
    level,
    subject: [ignorePath, entry.rule, entry.subject],
    detail: `The entry for ${entry.rule} on ${entry.subject} ${problem}: ${entry.reason}`,
    evidence: [],
    remedy: {
      kind: 'runbook',
      title: `Look at the entry again`,
      steps: [`Remove it from ${ignorePath}, or give it a new reason and date.`],
    },
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? ''
}
