import { tableBlock } from '../diagnose/block.ts'
import type { AccessChange, AccessLine, AccessMatrix } from '../policies/access/matrix.ts'
import { accessCommands } from '../policies/access/matrix.ts'
import { displayIdentifier } from '../postgres/identifiers.ts'
import { html } from './page/html.ts'
import { page } from './page/page.ts'
import { tableHtml } from './page/table.ts'
import { textTable } from './textTable.ts'

/** The matrix of `policies test` for people: a line for each table, role and kind of row. */
export function accessText({ lines, notes }: AccessMatrix): string {
  if (lines.length === 0) return 'No table has row-level security and a role that can reach it.'
  const table = textTable(
    ['table', 'role', 'whose row', ...accessCommands].map((title) => ({ title })),
    lines.map((line, at) => [
      lines[at - 1]?.table === line.table ? '' : line.table,
      lines[at - 1]?.table === line.table && lines[at - 1]?.role === line.role
        ? ''
        : displayIdentifier(line.role),
      whoseRow(line),
      ...accessCommands.map((command) => line.answers[command]),
    ]),
  )
  return [table, ...notes].join('\n')
}

/** `own`, `a stranger's, by somebody unknown`. */
function whoseRow({ row, unknown }: Pick<AccessLine, 'row' | 'unknown'>): string {
  const whose = { own: 'own', colleague: "a colleague's", stranger: "a stranger's", any: 'any' }[row]
  return unknown ? `${whose}, by somebody unknown` : whose
}

/** `public.notes: authenticated may now SELECT a stranger's row (yes, before no)`, a line for each change. */
export function accessChangesText(changes: readonly AccessChange[]): string {
  return changes
    .map(
      ({ table, role, command, before, now, ...line }) =>
        `${table}: ${command.toUpperCase()} as ${displayIdentifier(role)}, ${whoseRow(line)}: ${before ?? 'not in the file'} -> ${now ?? 'gone'}`,
    )
    .join('\n')
}

/** The matrix as one HTML file. */
export function accessPage(matrix: AccessMatrix, takenAt: Date): string {
  const block = tableBlock({
    id: 'access',
    title: 'Who may do what',
    figures: 'measured',
    columns: [
      ['table', 'text', ({ table }: AccessLine) => table],
      ['role', 'text', ({ role }) => displayIdentifier(role)],
      ['whose row', 'text', whoseRow],
      ...accessCommands.map(
        (command) =>
          [command.toUpperCase(), 'text', ({ answers }: AccessLine) => answers[command]] as [
            string,
            'text',
            (line: AccessLine) => string,
          ],
      ),
    ],
    items: matrix.lines,
    limit: 10_000,
    note: matrix.notes.join(' '),
  })
  return page('Who may do what', {
    header: html`<h1>Who may do what</h1>
      <p class="faint">
        Tried on ${takenAt.toISOString()}: each command on a row of each kind, in a transaction that was
        rolled back.
      </p>`,
    main: tableHtml(block),
  })
}
