import { UsageError } from '../errors.ts'
import type { Terminal } from './terminal.ts'

/**
 * Asks whether listed actions may be carried out. `--yes` is a yes.
 *
 * @throws UsageError if there is neither `--yes` nor a terminal on which to ask
 */
export async function confirmed(
  terminal: Terminal,
  { yes }: { yes?: boolean },
  question: string,
): Promise<boolean> {
  if (yes) return true
  if (!(process.stdin.isTTY && process.stderr.isTTY)) {
    throw new UsageError(
      `Nothing was done: there is no terminal on which to ask. ${question}`,
      'Run it again with --yes to do what is listed without being asked.',
    )
  }
  return terminal.confirm(question)
}
