/** Where a command writes. Only cli.ts makes one, so only cli.ts prints. */
export interface Terminal {
  /** The result. */
  out(text: string): void
  /** Progress and errors. */
  err(text: string): void
  /** Replaces the progress line on a terminal; elsewhere a plain line now and then. */
  progress(text: string): void
  /** Asks a person for a yes. The answer is no without a terminal, which is then printed, or if the terminal closes. */
  confirm(question: string): Promise<boolean>
  /** Aborted by Ctrl-C, SIGTERM or a terminal that is closed. */
  signal: AbortSignal
}
