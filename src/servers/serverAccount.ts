import { execFileSync } from 'node:child_process'
import { userInfo } from 'node:os'
import { UsageError } from '../errors.ts'

/** The user and group that a process runs as, in the form that `spawn` takes; empty for our own. */
export interface Account {
  uid?: number
  gid?: number
}

/**
 * PostgreSQL refuses to run as root. If we are root (in most containers) it runs as the user `postgres` if there is one,
 * else as `nobody`. We never create a user.
 */
export function serverAccount(): Account {
  return (known ??= findServerAccount())
}

let known: Account | undefined

function findServerAccount(): Account {
  if (userInfo().uid !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    const account = findAccount(name)
    if (account) return account
  }
  throw new UsageError(
    'PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run it as.',
    'Run the command as another user, or create one: useradd --system postgres.',
  )
}

function findAccount(name: string): Account | undefined {
  try {
    const read = (flag: string): number =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
    return { uid: read('-u'), gid: read('-g') }
  } catch {
    return undefined
  }
}
