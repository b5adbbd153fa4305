import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** A command line, or an option alone, that some text tells people to use. */
export interface Mention {
  /** `npm run migrate up -- --lock-budget 2m`, `hundredfold migrate up`, `migrate status`, `--fail-on`. */
  text: string
  /** File and line. */
  place: string
}

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Names of commands that the interface keeps for later: a text that sends people there sends them nowhere. */
const reserved = ['advise', 'partition', 'connections', 'monitor', 'maintain', 'fleet', 'distribute', 'mcp']
/** The same, of words that mean something else too: only with what follows them. */
const reservedWithMore = ['bloat', 'policies', 'cache', 'export', 'why']

/**
 * Every command that is named in the source (messages, help, remedies, comments), in the Markdown and in the workflows.
 *
 * @param commands names of the commands that there are
 */
export function listMentions(commands: readonly string[]): Mention[] {
  const first = new Set([...commands, ...reserved])
  const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...filesIn('docs', '.md')]
  return [
    ...[...documents, ...filesIn('.github', '.yml')].flatMap((file) =>
      mentionsIn(read(file), file, 1, first),
    ),
    ...[...filesIn('src', '.ts'), ...filesIn('scripts', '.ts')].flatMap((file) =>
      textsOf(file).flatMap(({ text, line }) => mentionsIn(text, file, line, first)),
    ),
  ]
}

function mentionsIn(text: string, file: string, line: number, first: ReadonlySet<string>): Mention[] {
  return text
    .split('\n')
    .flatMap((each, at) =>
      mentionsInLine(each, first).map((mention) => ({ text: mention, place: `${file}:${line + at}` })),
    )
}

/** Mentions in one line of text. In a row of a table the options belong to the command that the row begins with. */
function mentionsInLine(line: string, first: ReadonlySet<string>): string[] {
  const quoted = Array.from(line.matchAll(/`([^`]+)`/g), ([, content]) => content?.trim() ?? '')
  const bare = line.replaceAll(/`[^`]*`/g, ' ')
  const ofRow = line.startsWith('| `npm run ') ? quoted[0] : undefined
  return [
    ...quoted
      .filter((content) => isCommand(content, first))
      .map((content) => (content.startsWith('--') && ofRow ? withOption(ofRow, content) : content)),
    // In a script or an example: up to what the shell or the reader takes for something else.
    ...Array.from(bare.matchAll(/\bnpm (?:run|test|ci)\b.*?(?= {2}|[|>;)]| && |$)/g), ([found]) =>
      found.trim(),
    ),
    // A step of a runbook: the command, and behind two dashes what it does.
    ...Array.from(
      bare.matchAll(/(?<![\w/.-])hundredfold( [a-z][\w-]*)+(?:(?: --[a-z][\w-]*(?: (?!--)\S+)*)+| (?=-- ))/g),
      ([found]) => found.trim(),
    ),
  ]
}

function isCommand(content: string, first: ReadonlySet<string>): boolean {
  if (/^npm (run|test|ci)\b/.test(content) || /^--[a-z]/.test(content)) return true
  const [word = '', next] = content.split(/\s+/)
  // `hundredfold` alone is the package; `bench: ...` is a field.
  return word === 'hundredfold' || reservedWithMore.includes(word) ? next !== undefined : first.has(word)
}

function withOption(command: string, option: string): string {
  return /^npm run .* -- /.test(command) ? `${command} ${option}` : `${command} -- ${option}`
}

/** String literals as they will read, with X for what is put in, and comments without their stars. */
function textsOf(file: string): { text: string; line: number }[] {
  const source = read(file)
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true)
  const texts: { text: string; line: number }[] = []
  const add = (text: string, position: number) =>
    texts.push({ text, line: tree.getLineAndCharacterOfPosition(position).line + 1 })
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) add(node.text, node.getStart())
    if (ts.isTemplateExpression(node)) {
      const text = node.head.text + node.templateSpans.map(({ literal }) => `X${literal.text}`).join('')
      add(text, node.getStart())
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  for (const { 0: comment, index } of source.matchAll(/\/\*\*[^]*?\*\/|^\s*\/\/.*$/gm)) {
    add(comment.replaceAll(/^\s*(\/\*\*|\*\/|\*|\/\/)? ?/gm, ''), index)
  }
  return texts
}

function filesIn(folder: string, extension: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}
