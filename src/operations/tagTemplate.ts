import { everyTag } from '../catalog/cacheChannel.ts'
import { UsageError } from '../errors.ts'

/** What a tag is made of, for each row: texts, and columns whose values stand between them. */
export interface TagTemplate {
  /** As a person wrote it: `professional:{id}`. */
  text: string
  parts: ({ text: string } | { column: string })[]
}

/**
 * `professional:{id}` -> the text `professional:`, then the column `id`. A column is named as the catalog has it, without
 * quotes. A tag without braces is the same for every row.
 *
 * @throws UsageError where it has no name before its first brace, or a brace without its other half
 */
export function parseTagTemplate(text: string): TagTemplate {
  const refuse = (reason: string) =>
    new UsageError(
      `The tag ${JSON.stringify(text)} ${reason}.`,
      "Write a name and the columns after it, such as 'city:{city_id}'; a tag without braces is the same for every row.",
    )
  const pieces = text.split(/([{}])/)
  const [first = ''] = pieces
  if (first.trim() === '') throw refuse('has no name before its first brace')
  if (first.startsWith(everyTag)) throw refuse(`begins with ${everyTag}, which stands for every tag`)
  if (text.includes('\0')) throw refuse('has a NUL, which no text of PostgreSQL has')
  const parts: TagTemplate['parts'] = [{ text: first }]
  for (let at = 1; at < pieces.length; at += 4) {
    const [open, column = '', close, after = ''] = pieces.slice(at, at + 4)
    if (open !== '{' || close !== '}') throw refuse('has a brace without its other half')
    if (column === '') throw refuse('has no column between its braces')
    parts.push({ column })
    if (after !== '') parts.push({ text: after })
  }
  return { text, parts }
}

/** The columns that a tag names. */
export function columnsOf(tags: readonly TagTemplate[]): string[] {
  return [
    ...new Set(tags.flatMap(({ parts }) => parts.flatMap((part) => ('column' in part ? part.column : [])))),
  ]
}
