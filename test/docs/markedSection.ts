/**
 * Puts `text` between `<!-- name -->` and `<!-- /name -->`, and leaves everything else as it is.
 *
 * @throws Error where the document has no such markers
 */
export function replaceMarkedSection(document: string, name: string, text: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const from = document.indexOf(start)
  const to = document.indexOf(end, from)
  if (from < 0 || to < 0) throw new Error(`the document has no section between ${start} and ${end}`)
  return `${document.slice(0, from + start.length)}\n\n${text}\n\n${document.slice(to)}`
}
