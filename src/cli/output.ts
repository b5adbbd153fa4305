import { jsonDocument } from '../report/jsonDocument.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { Terminal } from './terminal.ts'

/** `--json FILE`; `-` means standard output, and then nothing else is printed there. */
export interface OutputOptions {
  json?: string
}

/** Where lines for people go: standard output, unless the JSON document has it to itself. */
export function peopleLine(terminal: Terminal, options: OutputOptions): (line: string) => void {
  return options.json === '-' ? (line) => terminal.err(`${line}\n`) : (line) => terminal.out(`${line}\n`)
}

/** Writes the JSON document where it was asked for. */
export async function writeJson(
  terminal: Terminal,
  options: OutputOptions,
  command: string,
  body: object,
): Promise<void> {
  if (options.json === undefined) return
  const document = jsonDocument(command, body)
  if (options.json === '-') {
    terminal.out(document)
    return
  }
  await writeWholeFile(options.json, document)
}
