import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SeriesState } from '../../../../src/operate/alerts/judge/judgeSeries.ts'
import {
  afterTelling,
  dueNotification,
  judgeSeries,
  newSeries,
} from '../../../../src/operate/alerts/judge/judgeSeries.ts'

const percent = (value: number) => ({ value, unit: 'percent' as const })
const told = {
  title: 'connections',
  severity: 'warning' as const,
  metric: 'connection_usage',
  threshold: 80,
  unit: 'percent' as const,
  receivers: ['stdout'],
}
const above80 = { above: percent(80), below: undefined, recover: percent(70), for: 60_000 }
const start = '2027-01-01T00:00:00.000Z'

/** Rounds 30 s apart. */
function statesOf(values: (number | undefined)[], rule = above80): string[] {
  let state = newSeries(start)
  return values.map((value, at) => {
    const moment = new Date(Date.parse(start) + at * 30_000).toISOString()
    state = judgeSeries(state, rule, { value, elapsedMs: at === 0 ? 0 : 30_000, at: moment })
    return state.state
  })
}

test('an alert fires once its threshold has been exceeded for so long, and recovers at its own limit', () => {
  expect(statesOf([50, 81, 81, 81, 75, 71, 70, 70])).toEqual([
    ...['ok', 'pending', 'pending', 'firing', 'firing', 'firing', 'recovered', 'ok'],
  ])
})

test('a value at the threshold does not exceed it', () => {
  expect(statesOf([80, 80, 80, 80])).toEqual(['ok', 'ok', 'ok', 'ok'])
  expect(
    statesOf([95, 94.99], { ...above80, above: undefined, below: percent(95), for: 0 } as never),
  ).toEqual([...['ok', 'firing']])
})

test('one value below the threshold starts the time anew', () => {
  expect(statesOf([81, 81, 79, 81, 81, 81])).toEqual([
    ...['pending', 'pending', 'ok', 'pending', 'pending', 'firing'],
  ])
})

test('without a value the state stays, and the time does not count', () => {
  expect(statesOf([undefined, 81, undefined, undefined, undefined, 81, 81, 81])).toEqual([
    ...['unknown', 'pending', 'pending', 'pending', 'pending', 'pending', 'pending', 'firing'],
  ])
  expect(statesOf([81, 81, 81, undefined, undefined, 71])).toEqual([
    ...['pending', 'pending', 'firing', 'firing', 'firing', 'firing'],
  ])
})

interface Step {
  value: number | undefined
  elapsedMs: number
  clockMs: number
  isSilenced: boolean
}

const steps = fc.array(
  fc.record({
    value: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 60, max: 95 }) }, fc.constant(undefined)),
    elapsedMs: fc.integer({ min: 1, max: 90_000 }),
    // The wall clock goes wherever it likes.
    clockMs: fc.integer({ min: -3 * 86_400_000, max: 3 * 86_400_000 }),
    isSilenced: fc.boolean(),
  }),
  { maxLength: 60 },
)
const rules = fc
  .record({
    isAbove: fc.boolean(),
    threshold: fc.integer({ min: 70, max: 85 }),
    hysteresis: fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined }),
    for: fc.integer({ min: 0, max: 200_000 }),
    repeat: fc.option(fc.integer({ min: 1, max: 500_000 }), { nil: undefined }),
  })
  .map(({ isAbove, threshold, hysteresis, ...rest }) => ({
    ...rest,
    above: isAbove ? percent(threshold) : undefined,
    below: isAbove ? undefined : percent(threshold),
    recover:
      hysteresis === undefined
        ? undefined
        : percent(isAbove ? threshold - hysteresis : threshold + hysteresis),
  }))
type Rule = Parameters<typeof judgeSeries>[1] & { repeat: number | undefined }

const exceeds = (rule: Rule, value: number) =>
  rule.above ? value > rule.above.value : value < (rule.below?.value ?? NaN)
const clears = (rule: Rule, value: number) => {
  const limit = (rule.recover ?? rule.above ?? rule.below)?.value ?? NaN
  return rule.above ? value <= limit : value >= limit
}

/** Says from the whole history whether it fires: no state is carried from round to round. */
function fires(rule: Rule, history: readonly Step[]): boolean {
  for (let end = history.length - 1; end >= 0; end -= 1) {
    const { value } = history[end] as Step
    if (value !== undefined && clears(rule, value)) return false
    if (value !== undefined && exceeds(rule, value) && heldUntil(rule, history.slice(0, end + 1)) >= rule.for)
      return true
  }
  return false
}

/** How long the threshold was exceeded up to the last round, without a break. */
function heldUntil(rule: Rule, history: readonly Step[]): number {
  let heldMs = 0
  for (let at = history.length - 1; at > 0; at -= 1) {
    const { value, elapsedMs } = history[at] as Step
    const older = history
      .slice(0, at)
      .filter((step) => step.value !== undefined)
      .at(-1)?.value
    if (older === undefined || !exceeds(rule, older)) break
    if (value !== undefined && history[at - 1]?.value !== undefined) heldMs += elapsedMs
  }
  return heldMs
}

/** The states and what was told, round by round. */
function run(rule: Rule, all: readonly Step[], between = (state: SeriesState): SeriesState => state) {
  let clock = Date.parse(start)
  let state = newSeries(start)
  return all.map((step) => {
    clock += step.clockMs
    const at = new Date(clock).toISOString()
    state = judgeSeries(between(state), rule, { value: step.value, elapsedMs: step.elapsedMs, at })
    const kind = dueNotification(state, rule, step.isSilenced)
    if (kind !== undefined) state = afterTelling(state, kind, told)
    return { state, kind, at, step }
  })
}

test('for any values, pauses, silences and jumps of the clock, it fires exactly when its history says so', () => {
  fc.assert(
    fc.property(rules, steps, (rule, all) => {
      run(rule, all).forEach(({ state, at }, round) => {
        expect(state.state === 'firing').toBe(fires(rule, all.slice(0, round + 1)))
        expect(state.since <= at).toBe(true)
      })
    }),
    { numRuns: 1_000 },
  )
})

test('receivers hear of a beginning and an end in turn, and in every round without a silence they are up to date', () => {
  fc.assert(
    fc.property(rules, steps, (rule, all) => {
      let known = false
      for (const { state, kind, step } of run(rule, all)) {
        if (step.isSilenced) expect(kind).toBeUndefined()
        if (kind === 'firing') expect(known).toBe(false)
        if (kind === 'repeated' || kind === 'recovered') expect(known).toBe(true)
        if (kind !== undefined) known = kind !== 'recovered'
        if (!step.isSilenced) expect(known).toBe(state.state === 'firing')
      }
    }),
    { numRuns: 1_000 },
  )
})

test('between two beginnings a value was at the limit for recovery: values in between cause no flapping', () => {
  fc.assert(
    fc.property(rules, steps, (rule, all) => {
      let hasCleared = true
      for (const { kind, step } of run(rule, all)) {
        if (step.value !== undefined && clears(rule, step.value)) hasCleared = true
        if (kind !== 'firing') continue
        expect(hasCleared).toBe(true)
        hasCleared = false
      }
    }),
    { numRuns: 1_000 },
  )
})

test('it is repeated no sooner than it should be, and in the first round without a silence after that', () => {
  fc.assert(
    fc.property(rules, steps, (rule, all) => {
      let sinceTold = 0
      for (const { state, kind, step } of run(rule, all)) {
        sinceTold += step.elapsedMs
        const isDue = rule.repeat !== undefined && sinceTold >= rule.repeat
        if (kind === 'repeated') expect(isDue).toBe(true)
        if (state.state === 'firing' && !step.isSilenced && isDue) expect(kind).toBeDefined()
        if (kind !== undefined) sinceTold = 0
      }
    }),
    { numRuns: 1_000 },
  )
})

test('a state that was written and read again between all rounds tells the same', () => {
  fc.assert(
    fc.property(rules, steps, (rule, all) => {
      const throughJson = (state: SeriesState) => JSON.parse(JSON.stringify(state)) as SeriesState
      expect(run(rule, all, throughJson)).toEqual(run(rule, all))
    }),
  )
})
