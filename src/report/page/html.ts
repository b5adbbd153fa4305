/** HTML that may go into a page as it is. Only `html` makes it, so every other string is escaped. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = Html | string | number | null | undefined | false | Part[]

/**
 * Escapes everything that is put into it, but for other results of `html`; lists are joined.
 *
 * html`<td>${'<script>'}</td>` -> `<td>&lt;script&gt;</td>`
 */
export function html(literals: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(
    literals.map((literal, at) => (at === 0 ? '' : render(parts[at - 1])) + squeeze(literal)).join(''),
  )
}

/** Without the indentation of the source, a third of a page with thousands of findings. */
function squeeze(literal: string): string {
  return literal.replace(/\s*\n\s*/g, '\n')
}

function render(part: Part): string {
  if (part instanceof Html) return part.text
  if (Array.isArray(part)) return part.map(render).join('')
  if (part === null || part === undefined || part === false) return ''
  return escapeHtml(String(part))
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Safe as text and inside a quoted attribute; control characters, which HTML does not allow, become U+FFFD. */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => entities[character] ?? character)
    .replace(/[^\P{Cc}\n\t]/gu, '\u{FFFD}')
}
