import { UsageError } from '../errors.ts'

/**
 * Puts `text` between `<!-- name -->` and `<!-- /name -->`, and leaves everything else as it is.
 *
 * @throws UsageError where the document has no such markers
 */
export function replaceMarkedSection(document: string, name: string, text: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const from = document.indexOf(start)
  const to = document.indexOf(end, from)
  if (from < 0 || to < 0) {
    throw new UsageError(
      `The document has no section between ${start} and ${end}.`,
      'Put the two lines where the table should be.',
    )
  }
  return `${document.slice(0, from + start.length)}\n\n${text}\n\n${document.slice(to)}`
}
