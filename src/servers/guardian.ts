import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Account } from './serverAccount.ts'

/** A small process that outlives ours only to clear up after it; see guardian.mjs. */
export interface Guardian {
  /** Clears up now; the second time there is nothing left to do. */
  clearUp(): Promise<void>
}

/**
 * Runs `command` as `account` and removes `directory` when our process is gone or `clearUp` is called. No signal
 * handler does it, for two reasons: the command line keeps Ctrl-C to itself, and nobody handles SIGKILL.
 * It does not keep our process alive.
 */
export function startGuardian(directory: string, command: string[], { uid, gid }: Account): Guardian {
  const program = fileURLToPath(new URL('guardian.mjs', import.meta.url))
  const child = spawn(process.execPath, [program, directory, `${uid ?? ''}`, `${gid ?? ''}`, ...command], {
    // In a session of its own, so that a Ctrl-C in our terminal does not reach it.
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.unref()
  ;(child.stdin as Socket).unref()
  return {
    clearUp: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.ref()
      const done = once(child, 'exit')
      child.stdin.end()
      await done
    },
  }
}
