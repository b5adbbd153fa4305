import { setTimeout as sleep } from 'node:timers/promises'
import { isLockConflict } from '../postgres/sqlState.ts'
import { HundredfoldError, exitCodes, messageOf } from '../errors.ts'
import { shortList } from '../shortList.ts'
import { refuseAfterHours } from './hours.ts'
import { holderText, howToEnd } from './locks/holderText.ts'
import type { Holder } from './locks/holders.ts'
import { findHolders, findLongTransactions } from './locks/holders.ts'
import type { LockWish } from './locks/lockWishes.ts'
import type { Patience } from './locks/lockWatch.ts'
import { LockWatch } from './locks/lockWatch.ts'
import type { LockTarget } from './locks/targets.ts'
import { findTargets } from './locks/targets.ts'
import type { RunOptions } from './runOptions.ts'

const firstTimeoutMs = 50
const growth = 1.5
/** A pause is that many times as long as clients may have waited behind the attempt before it. */
const pausesPerTimeout = 2
const announceEveryMs = 10_000

/** What an attempt gets. */
export interface Asking {
  /** The attempt's `lock_timeout`. */
  lockTimeoutMs: number
  /**
   * Looks who holds locks that conflict with these, before a statement asks for them. If somebody who stays is in the way,
   * it throws: the attempt has to end its transaction and pass the error on.
   */
  lookFirst(wishes: LockWish[]): Promise<void>
}

/** Somebody holds a lock that the attempt would have to wait for. */
export class HeldUp extends Error {
  readonly holders: Holder[]

  constructor(holders: Holder[]) {
    super('somebody holds the lock')
    this.holders = holders
  }
}

/**
 * Runs `attempt` again as long as it does not get a lock. If an attempt finds somebody in the way who stays, it ends, and
 * we wait without a transaction and without queueing. The lock timeout is short at first and grows as attempts fail behind
 * traffic, up to `lockTimeoutMs`. Behind a transaction that stays it does not grow: a longer timeout would only make
 * others wait too. The pauses grow with the timeouts, so that traffic flows in between, and are random, so that two
 * runners do not collide each time.
 *
 * @throws HundredfoldError (exit 3) when the budget is spent; nothing has changed then.
 */
export async function withinLockBudget<T>(
  name: string,
  options: LockOptions,
  attempt: (asking: Asking) => Promise<T>,
): Promise<T> {
  const { client, lockTimeoutMs, lockBudgetMs, signal, onEvent } = options
  const started = performance.now()
  const remainingMs = () => lockBudgetMs - (performance.now() - started)
  const announce = nowAndThen((holder: Holder) =>
    onEvent?.({ kind: 'heldUp', name, holder: holderText(holder), remainingMs: remainingMs() }),
  )
  const patience: Patience = {
    remainingMs,
    ...(signal ? { signal } : {}),
    onHolder: (holder) => {
      refuseAfterHours(options)
      announce(holder)
    },
  }
  const watch = new LockWatch(client, lockTimeoutMs)
  let timeoutMs = Math.min(firstTimeoutMs, lockTimeoutMs)
  let targets: LockTarget[] = []
  const lookFirst = async (wishes: LockWish[]) => {
    if (wishes.length === 0) return
    refuseAfterHours(options)
    targets = await findTargets(client, wishes)
    const holders = targets.length > 0 ? await watch.look(targets, timeoutMs) : []
    if (holders.length > 0) throw new HeldUp(holders)
  }
  for (;;) {
    try {
      return await attempt({ lockTimeoutMs: jittered(timeoutMs), lookFirst })
    } catch (error) {
      const isHeldUp = error instanceof HeldUp
      if (!isHeldUp && !isLockConflict(error)) throw error
      if (isHeldUp) {
        if (remainingMs() <= 0) throw budgetSpent(name, lockBudgetMs, error.holders)
      } else {
        const pauseMs = timeoutMs * pausesPerTimeout * (0.5 + Math.random())
        if (remainingMs() <= pauseMs) throw await budgetSpentAfter(error, name, options, targets)
        onEvent?.({ kind: 'retrying', name, pauseMs, remainingMs: remainingMs() })
        await sleep(pauseMs, undefined, signal ? { signal } : {})
      }
      const clearance = await watch.waitUntilClear(targets, timeoutMs, patience)
      if (clearance.kind === 'outOfTime') throw budgetSpent(name, lockBudgetMs, clearance.holders)
      const { kind, longestMs } = clearance
      const grownMs = !isHeldUp && longestMs < lockTimeoutMs ? timeoutMs * growth : timeoutMs
      timeoutMs = Math.min(Math.max(grownMs, kind === 'traffic' ? longestMs * growth : 0), lockTimeoutMs)
      refuseAfterHours(options)
    }
  }
}

type LockOptions = Pick<
  RunOptions,
  'client' | 'lockTimeoutMs' | 'lockBudgetMs' | 'signal' | 'onEvent' | 'hours' | 'clock'
>

/** Up to a fifth shorter, so that two runners do not time out together; 0, which is no limit, stays 0. */
function jittered(timeoutMs: number): number {
  return timeoutMs === 0 ? 0 : Math.max(1, Math.round(timeoutMs * (1 - Math.random() / 5)))
}

/** Passes on the first call, and one call every few seconds. */
function nowAndThen<T>(tell: (value: T) => void): (value: T) => void {
  let last = -Infinity
  return (value) => {
    if (performance.now() - last < announceEveryMs) return
    last = performance.now()
    tell(value)
  }
}

/** The last attempt ran out of its lock timeout. Where it is not known which locks it wanted, those open longest are named. */
async function budgetSpentAfter(
  cause: unknown,
  name: string,
  { client, lockBudgetMs, lockTimeoutMs }: LockOptions,
  targets: LockTarget[],
): Promise<HundredfoldError> {
  const holders = await findHolders(client, targets)
  const suspects = holders.length > 0 ? [] : await findLongTransactions(client, lockTimeoutMs)
  return budgetSpent(name, lockBudgetMs, holders, { suspects, cause })
}

function budgetSpent(
  name: string,
  budgetMs: number,
  holders: Holder[],
  { suspects = [], cause }: { suspects?: Holder[]; cause?: unknown } = {},
): HundredfoldError {
  const named = holders.length > 0 ? holders : suspects
  const lines = named.map(holderText)
  const [first] = named
  const why = cause === undefined ? '' : ` (${messageOf(cause)})`
  const introduction = holders.length > 0 ? 'In the way:' : 'Open for long, perhaps in the way:'
  const list = lines.length > 0 ? `\n${introduction}\n  ${shortList(lines, '\n  ')}` : ''
  const end = first
    ? `Wait for it to end, or ask its owner to end it (${howToEnd(first)})`
    : 'Nobody is in the way now: start again'
  return new HundredfoldError(
    exitCodes.budgetExceeded,
    `${name} did not get its lock within ${budgetMs / 1000} s${why}; nothing was changed.${list}`,
    `${end}; give more time with --lock-budget 5m, or run when little happens, with --after-hours 02:00-04:00.`,
    { cause, ...(lines.length > 0 ? { details: lines } : {}) },
  )
}
