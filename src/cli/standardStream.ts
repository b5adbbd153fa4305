import { HundredfoldError, exitCodes } from '../errors.ts'

/** Standard output or standard error. Nothing written to it is lost, however slowly it is read. */
export interface StandardStream {
  write(text: string): void
  /**
   * Resolves when the reader has everything or is gone.
   *
   * @throws HundredfoldError where it could not be written, such as to a full disk
   */
  flush(): Promise<void>
}

/**
 * If the reader goes away, as `| head` or a closed terminal does, the output ends but the work goes on: what a command
 * does to a database must not depend on its reader. No error is printed and the exit code stays that of the work, so
 * that scripts with `pipefail` still see drift or a failed condition.
 */
export function standardStream(stream: NodeJS.WritableStream, name: string): StandardStream {
  let failure: NodeJS.ErrnoException | undefined
  stream.on('error', (error) => (failure ??= error))
  return {
    write: (text) => {
      if (!failure) stream.write(text)
    },
    flush: async () => {
      // Called after all that was written before, with an error where there was one.
      if (!failure) await new Promise<void>((resolve) => void stream.write('', () => resolve()))
      if (!failure || readerIsGone(failure)) return
      throw new HundredfoldError(
        exitCodes.unexpected,
        `Cannot write to ${name}: ${failure.code === 'ENOSPC' ? 'the disk is full' : failure.message}.`,
        'Make room, or send the output elsewhere, and run the command again.',
        { cause: failure },
      )
    },
  }
}

/** The pipe or socket was closed at the other end, or the terminal is gone. */
function readerIsGone({ code }: NodeJS.ErrnoException): boolean {
  return ['EPIPE', 'ECONNRESET', 'EIO', 'ENXIO', 'ERR_STREAM_DESTROYED'].includes(code ?? '')
}
