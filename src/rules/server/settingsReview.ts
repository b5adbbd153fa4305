import { readServerFacts } from '../../catalog/server.ts'
import type { Setting } from '../../catalog/settings.ts'
import { listSettings } from '../../catalog/settings.ts'
import { readMachineMemory } from '../../catalog/machineMemory.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Level, Rule } from '../rule.ts'
import type { Memory } from './memoryReviews.ts'
import { reviewMemory } from './memoryReviews.ts'

/** What a setting should not be, why, and what to set it to. */
interface Review {
  level: Level
  problem: string
  value: string
  isWrong: (setting: Setting) => boolean
}

function shouldBeOn(level: Level, problem: string): Review {
  return { level, problem, value: 'on', isWrong: ({ value }) => value === 'off' }
}

/** By setting. One that is hidden, or unknown to this version, is not reviewed. */
const reviews: Record<string, Review> = {
  fsync: shouldBeOn('error', 'a power cut can destroy the whole server'),
  full_page_writes: shouldBeOn('error', 'a power cut can tear pages, and nothing repairs them'),
  autovacuum: shouldBeOn('error', 'dead rows stay, statistics age, transaction ids run out'),
  track_counts: shouldBeOn(
    'error',
    'autovacuum cannot tell which tables need it, and neither can this report',
  ),
  random_page_cost: {
    level: 'info',
    problem: 'the planner assumes a spinning disk, and avoids indexes; on an SSD 1.1 is closer',
    value: '1.1',
    isWrong: ({ value }) => Number(value) >= 4,
  },
  checkpoint_completion_target: {
    level: 'info',
    problem: 'checkpoints write in bursts, which clients feel',
    value: '0.9',
    isWrong: ({ value }) => Number(value) < 0.7,
  },
  default_statistics_target: {
    level: 'warn',
    problem: 'ANALYZE samples less than by default, so the planner guesses',
    value: '100',
    isWrong: ({ value }) => Number(value) < 100,
  },
  max_connections: {
    level: 'info',
    problem: 'so many sessions slow each other down; a pooler serves more clients with fewer',
    value: 'about 100, behind a pooler',
    isWrong: ({ value }) => Number(value) > 500,
  },
  track_io_timing: shouldBeOn('info', 'nobody can tell whether statements wait for the disk'),
}

/** Kinds of plans that are disabled for every session: the planner then takes worse ones. */
const plannerSwitch: Review = {
  level: 'warn',
  problem: 'a kind of plan is disabled for every statement',
  value: 'on',
  isWrong: ({ name, value, source }) =>
    name.startsWith('enable_') && value === 'off' && !['default', 'session'].includes(source),
}

/**
 * Settings that make the whole server slow or unsafe. A few, each with a reason; no tuning by formula. Those of memory
 * are judged by the machine's, where it is known.
 *
 * ```sql
 * SHOW random_page_cost;                      -- before: 4, on an SSD: the planner avoids indexes
 * ALTER SYSTEM SET random_page_cost = 1.1;    -- after
 * ```
 */
export const settingsReview: Rule = {
  name: 'settings_review',
  finds: 'settings that make the whole server slow or unsafe',
  cure: 'the value to set',
  async find(context) {
    const settings = await context.read(listSettings)
    const { databaseBytes, versionNumber } = await context.read(readServerFacts)
    const machineBytes = context.memoryBytes ?? (await context.read(readMachineMemory))
    const memory: Memory = { settings, machineBytes, databaseBytes, versionNumber }
    const findings: Violation[] = []
    for (const setting of settings.values()) {
      const review = Object.hasOwn(reviews, setting.name) ? reviews[setting.name] : plannerSwitch
      const ofMemory = reviewMemory(setting.name, memory)
      if (ofMemory) findings.push(ofMachine(toFinding(setting, ofMemory), machineBytes))
      else if (review?.isWrong(setting)) findings.push(toFinding(setting, review))
      else if (setting.pendingRestart) findings.push(waitsForRestart(setting))
    }
    return findings
  },
}

function toFinding(
  setting: Setting,
  { level, problem, value }: Pick<Review, 'level' | 'problem' | 'value'>,
): Violation {
  const shown = `${setting.value}${setting.unit === null ? '' : ` x ${setting.unit}`}`
  const literal = /^\d+MB$/.test(value) ? `'${value}'` : /^[\w.]+$/.test(value) ? value : `'...'`
  return {
    level,
    subject: [setting.name],
    detail: `${setting.name} is ${shown}: ${problem}.`,
    evidence: [measured('value', shown), measured('set by', setting.source)],
    remedy: runbook(
      `Set ${setting.name} to ${value}`,
      `ALTER SYSTEM SET ${setting.name} = ${literal}; -- ${value}`,
      setting.context === 'postmaster'
        ? 'It takes a restart of the server.'
        : 'SELECT pg_reload_conf(); no restart is needed.',
      'On a managed platform set it there.',
    ),
  }
}

/** With the memory that it was judged by, or how to say it. */
function ofMachine(finding: Violation, machineBytes: number | null): Violation {
  const { evidence, remedy } = finding
  const memory =
    machineBytes === null
      ? measured("machine's memory", 'not known')
      : measured("machine's memory", machineBytes, 'bytes')
  const isUnknown = machineBytes === null && remedy.kind === 'runbook'
  return {
    ...finding,
    evidence: [...evidence, memory],
    remedy: isUnknown
      ? {
          ...remedy,
          steps: [
            ...remedy.steps,
            'Where you know the memory of the machine, it is judged by that: npx hundredfold diagnose --memory 16GB',
          ],
        }
      : remedy,
  }
}

function waitsForRestart(setting: Setting): Violation {
  return {
    level: 'info',
    subject: [setting.name],
    detail: `${setting.name} was changed, and waits for a restart of the server.`,
    evidence: [measured('value', setting.value), measured('restart pending', true)],
    remedy: runbook('Restart the server', 'Restart in a quiet hour; until then the old value holds.'),
  }
}
