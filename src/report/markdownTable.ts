import { markdownTable as print } from 'markdown-table'

/**
 * A table in Markdown, its columns padded. A `|` in a cell is escaped, a line end becomes a space: neither ends the cell.
 *
 * `(['what', 'rows'], [['a', '1']], ['left', 'right'])` ->
 *
 * ```
 * | what | rows |
 * | ---- | ---: |
 * | a    |    1 |
 * ```
 */
export function markdownTable(head: string[], rows: string[][], align: ('left' | 'right')[] = []): string {
  return print(
    [head, ...rows].map((cells) => cells.map(asCell)),
    { align: align.map((side) => (side === 'right' ? 'right' : null)) },
  )
}

function asCell(text: string): string {
  return text.replaceAll(/(?<!\\)\|/g, '\\|').replaceAll(/\s*\n\s*/g, ' ')
}
