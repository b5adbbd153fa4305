import { readFileSync, readdirSync } from 'node:fs'

/** A command in a fenced block of a page, as somebody types it. */
export interface DocumentedCommand {
  /** File and line. */
  place: string
  text: string
}

/** Commands of one page, in their order. */
export interface DocumentedPage {
  page: string
  commands: DocumentedCommand[]
}

const root = new URL('../../', import.meta.url)
const typed = /^\s*(?:\$ )?((?:[A-Z_]+=\S+ )?(?:npm|npx) .*|.* \| npx hundredfold .*)$/

/** Every page with its commands. Blocks in YAML are workflows, which docs/pull-requests.md's own test runs. */
export function listPages(): DocumentedPage[] {
  const inDocs = (folder: string) =>
    readdirSync(new URL(folder, root))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`)
  return ['README.md', 'CONTRIBUTING.md', ...inDocs('docs'), ...inDocs('docs/commands')]
    .map((page) => ({ page, commands: commandsIn(page) }))
    .filter(({ commands }) => commands.length > 0)
}

function commandsIn(page: string): DocumentedCommand[] {
  let language: string | undefined
  return readFileSync(new URL(page, root), 'utf8')
    .split('\n')
    .flatMap((line, at) => {
      const fence = /^```(\w*)/.exec(line)
      if (fence) language = language === undefined ? (fence[1] ?? '') : undefined
      if (fence || language === undefined || language === 'yaml') return []
      const command = typed.exec(line)?.[1]
      if (command === undefined) return []
      return withoutRemark(command)
        .split(' && ')
        .map((text) => ({ place: `${page}:${at + 1}`, text }))
    })
}

/** What follows two spaces, or a #, is for the reader. */
function withoutRemark(line: string): string {
  return line.replace(/(?:\s+#|\s{2,}).*$/, '').trim()
}

/** The words of a command, as a shell reads them; what it writes into a file or another program is not the command's. */
export function wordsOf(text: string): string[] {
  const command = text.replace(/ (?:>|\| jq).*$/, '')
  return Array.from(command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g), (found) => found.slice(1).join(''))
}
