import type { Interval } from './interval.ts'
import { holm, welchTest } from './welch.ts'

export type Verdict = 'gained' | 'lost' | 'unused' | 'unknown'
/** `same`: enough calls, and no difference that counts. */
export type StatementVerdict = 'gained' | 'lost' | 'same' | 'unknown'

/** A statement before and after the migration. */
export interface Compared {
  before: Interval
  after: Interval
  /** How much slower the machine got meanwhile: the median of `controls`. */
  machine: number
  /** Mean after by mean before, for each statement that the migration does not touch. */
  controls: number[]
  /** How much the tables of the migration grew, at least 1: so much slower is no fault of the migration. */
  growth: number
}

export interface Judged {
  verdict: StatementVerdict
  /** Probability that chance alone makes such a difference, corrected for the number of statements. */
  significance: number
  reason?: string
  /** It touched more blocks, and more calls will tell whether it takes longer too. */
  mayBeLost?: true
}

/** With fewer calls on either side there is no verdict. */
export const leastCalls = 30
/** A statement counts as slower when it takes 15 % more time, and as faster when it did so before. */
export const leastRatio = 1.15
const significant = 0.01
/** So many untouched statements show how much times vary by themselves. */
const leastControls = 5
/** Without blocks as a witness, a time has to change by so much more than that of any untouched statement. */
const beyondControls = 1.5
/** A part of a block per call is no change. */
const leastBlocks = 0.5

/**
 * Judges all statements of one migration. Time decides, since time is what people wait for; but times of a busy machine
 * vary for many reasons, so a change of time needs
 *
 * 1. a size: 15 % more than the machine's own change, which untouched statements of the same two intervals show;
 * 2. significance: Welch's t-test at 1 %, corrected by Holm for the number of statements;
 * 3. a witness: blocks per call changed in the same direction by 15 %; or time changed by half more than that of any
 *    untouched statement, of which there are five.
 */
export function judgeAll(compared: Compared[]): Judged[] {
  const significance = holm(
    compared.map(({ before, after, machine }) => welchTest(before, scaled(after, 1 / machine))),
  )
  return compared.map((each, at) => judge(each, significance[at] ?? 1))
}

function judge(each: Compared, significance: number): Judged {
  const { before, after, machine, growth } = each
  const times = after.mean / before.mean / machine
  const isLost = times > leastRatio * growth
  const isGained = times < 1 / leastRatio
  if (!isLost && !isGained) return { verdict: 'same', significance }
  const verdict = isLost ? 'lost' : 'gained'
  if (significance >= significant) {
    const reason = 'the difference may be chance'
    // One long pause makes a mean that says nothing of the other calls; blocks do not wait.
    const mayBeLost = blocksAgree(each, 'lost')
    return mayBeLost || blocksAgree(each, verdict)
      ? { verdict: 'unknown', significance, reason, ...(mayBeLost ? { mayBeLost: true as const } : {}) }
      : { verdict: 'same', significance, reason }
  }
  if (blocksAgree(each, verdict) || isBeyondControls(each, verdict)) return { verdict, significance }
  return {
    verdict: 'unknown',
    significance,
    reason:
      'only its time changed, and not by more than that of statements which the migration does not touch',
  }
}

function blocksAgree({ before, after, growth }: Compared, verdict: 'gained' | 'lost'): boolean {
  const [from, to] = [before.blocksPerCall, after.blocksPerCall]
  if (Math.abs(to - from) < leastBlocks) return false
  return verdict === 'lost' ? to > from * leastRatio * growth : to < from / leastRatio
}

function isBeyondControls(
  { before, after, controls, growth }: Compared,
  verdict: 'gained' | 'lost',
): boolean {
  if (controls.length < leastControls) return false
  const times = after.mean / before.mean
  return verdict === 'lost'
    ? times > Math.max(...controls) * beyondControls * growth
    : times < Math.min(...controls) / beyondControls
}

/** The same sample on a machine that takes `factor` times as long. */
function scaled({ calls, mean, variance }: Interval, factor: number) {
  return { calls, mean: mean * factor, variance: variance * factor ** 2 }
}
