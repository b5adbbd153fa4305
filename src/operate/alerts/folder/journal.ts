import type { FileHandle } from 'node:fs/promises'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cannotWrite, writeWholeFile } from '../../../wholeFile.ts'

/** A file of JSON lines that only grows, until it is written anew. */
export interface Journal<Line> {
  /** Lines in the file. */
  readonly lines: number
  /** @param options.isSafe resolves only when a crash of the machine cannot undo it */
  append(lines: readonly Line[], options: { isSafe: boolean }): Promise<void>
  /** Replaces everything in one step; `content` is asked when no other write is under way. */
  rewrite(content: () => readonly Line[]): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the journal of a folder and reads it. A last line that a crash cut off was never confirmed to anybody, and is
 * cut away; any other line that cannot be read is told.
 */
export async function openJournal<Line>(
  folder: string,
  parse: (content: unknown) => Line,
  onProblem: (line: string) => void,
): Promise<{ journal: Journal<Line>; lines: Line[] }> {
  const path = join(folder, 'queue.jsonl')
  try {
    // Made where it is absent; what is there stays.
    await (await open(path, 'a', 0o600)).close()
    const content = await readFile(path)
    const length = content.lastIndexOf(0x0a) + 1
    const handle = await open(path, 'r+')
    if (length < content.length) await handle.truncate(length)
    const texts = content.subarray(0, length).toString('utf8').split('\n').slice(0, -1)
    const lines = texts.flatMap((text, at) => {
      try {
        return [parse(JSON.parse(text))]
      } catch {
        onProblem(
          `${path}, line ${at + 1}, cannot be read and is left out: something else has changed the file`,
        )
        return []
      }
    })
    return { journal: new FileJournal<Line>(path, handle, { length, lines: texts.length }), lines }
  } catch (error) {
    throw cannotWrite(path, error)
  }
}

class FileJournal<Line> implements Journal<Line> {
  lines: number
  private readonly path: string
  private handle: FileHandle
  private length: number
  /** Writes follow each other, whoever asks for them. */
  private last: Promise<unknown> = Promise.resolve()

  constructor(path: string, handle: FileHandle, at: { length: number; lines: number }) {
    this.path = path
    this.handle = handle
    this.length = at.length
    this.lines = at.lines
  }

  append(lines: readonly Line[], { isSafe }: { isSafe: boolean }): Promise<void> {
    return this.inTurn(async () => {
      const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
      try {
        // A write may take fewer bytes than it was given.
        for (let done = 0; done < bytes.length;) {
          const { bytesWritten } = await this.handle.write(
            bytes,
            done,
            bytes.length - done,
            this.length + done,
          )
          done += bytesWritten
        }
        if (isSafe) await this.handle.datasync()
      } catch (error) {
        await this.handle.truncate(this.length).catch(() => undefined)
        throw cannotWrite(this.path, error)
      }
      this.length += bytes.length
      this.lines += lines.length
    })
  }

  rewrite(content: () => readonly Line[]): Promise<void> {
    return this.inTurn(async () => {
      const lines = content()
      const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
      await writeWholeFile(this.path, text, { mode: 0o600 })
      const old = this.handle
      this.handle = await open(this.path, 'r+')
      this.length = Buffer.byteLength(text)
      this.lines = lines.length
      await old.close()
    })
  }

  close(): Promise<void> {
    return this.inTurn(() => this.handle.close())
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.last.then(work)
    this.last = done.catch(() => undefined)
    return done
  }
}
