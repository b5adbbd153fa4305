import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Account } from './serverAccount.ts'

/** A small process that outlives ours just long enough to clean up; see guardian.mjs. */
export interface Guardian {
  /** Cleans up now; a second call does nothing. */
  clearUp(): Promise<void>
}

/**
 * Runs `command` as `account` and removes `directory` when our process ends or `clearUp` is called. A signal handler
 * could not do it: the command line handles Ctrl-C itself, and SIGKILL cannot be handled. The guardian does not keep our
 * process alive.
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
