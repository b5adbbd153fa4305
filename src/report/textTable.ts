import Table from 'cli-table3'
import { oneLine } from './diagnosis/cells.ts'

/** A column's title, on which side its cells stand, and at how many characters a line of them ends. */
export interface TextColumn {
  title: string
  align?: 'left' | 'right'
  width?: number
}

const noRules = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

/** A table for a terminal. A cell is a list of lines; a longer line goes on in the next one. */
export function textTable(columns: TextColumn[], rows: (string | string[])[][]): string {
  const texts = rows.map((row) =>
    row.map((cell, at) =>
      [cell]
        .flat()
        .flatMap((line) => wrap(oneLine(line), columns[at]?.width ?? Infinity))
        .join('\n'),
    ),
  )
  const table = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align = 'left' }) => align),
    style: { head: [], border: [] },
    // Rows of one line need no rule between them.
    ...(texts.flat().some((text) => text.includes('\n')) ? {} : { chars: noRules }),
  })
  table.push(...texts)
  return table.toString()
}

/** Breaks at spaces, and within a word that is longer than a line. */
export function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length <= width) {
      lines[lines.length - 1] = longer
      continue
    }
    const parts = Array.from({ length: Math.ceil(word.length / width) }, (_, at) =>
      word.slice(at * width, (at + 1) * width),
    )
    if (line === '') lines.pop()
    lines.push(...parts)
  }
  return lines
}
