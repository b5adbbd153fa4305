import { createInterface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'

export interface Conversation {
  input: Readable & { isTTY?: boolean }
  output: Writable & { isTTY?: boolean }
  /** Aborted by Ctrl-C, SIGTERM or a terminal that is closed. */
  signal: AbortSignal
  /** Where the reason is printed if the answer is no. */
  say: (text: string) => void
}

/**
 * Asks a person. Only a `y` or `yes` followed by Enter is a yes. Without a terminal, or if it closes during the
 * question, the answer is no.
 */
export async function confirm(question: string, conversation: Conversation): Promise<boolean> {
  const { input, output, signal, say } = conversation
  if (!input.isTTY || !output.isTTY) {
    say('Nothing was written: no terminal to ask on; add --yes.\n')
    return false
  }
  const answer = await ask(question, conversation)
  // When the terminal closes, a letter that was typed without Enter arrives as an answer too.
  if (answer === undefined || signal.aborted || input.readableEnded) {
    say('\nNothing was written: the question got no answer.\n')
    return false
  }
  return /^y(es)?$/i.test(answer.trim())
}

async function ask(question: string, { input, output, signal }: Conversation): Promise<string | undefined> {
  if (signal.aborted || input.readableEnded || input.destroyed) return undefined
  const prompt = createInterface({ input, output })
  try {
    return await new Promise<string | undefined>((resolve) => {
      const unanswered = () => resolve(undefined)
      // Ctrl-C and Ctrl-D at the prompt close it; a terminal that is gone gives an error or an end.
      prompt.on('close', unanswered)
      prompt.on('error', unanswered)
      // Stays: the error of a terminal that is gone may come after the prompt has closed.
      input.on('error', unanswered)
      prompt.question(`${question} [y/N] `, { signal }).then(resolve, unanswered)
    })
  } finally {
    prompt.close()
  }
}
