import { join } from 'node:path'
import { startGuardian } from './guardian.ts'
import { serverAccount } from './serverAccount.ts'
import { makeServerDirectory } from './serverDirectory.ts'

/** What was made, by what it is, in a directory that is removed when the process ends. */
let kept: { directory: string; made: Map<string, unknown> } | undefined

/**
 * From now on the servers of this process share what each of them would make for itself: installations, and the work of
 * initdb. That saves half of a start, but takes 50 MB of disk for each version until the process ends.
 */
export function keepForReuse(): void {
  if (kept) return
  const account = serverAccount()
  const directory = makeServerDirectory(account)
  startGuardian(directory, [], account)
  kept = { directory, made: new Map() }
}

/** Makes something at `place`; where things are kept, only once, and elsewhere. */
export function madeOnce<T>(what: string, place: string, make: (place: string) => T): T {
  if (!kept) return make(place)
  const { directory, made } = kept
  if (!made.has(what)) made.set(what, make(join(directory, `${made.size}`)))
  return made.get(what) as T
}
