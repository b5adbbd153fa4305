import { readServerFacts } from '../../catalog/server.ts'
import type { Setting } from '../../catalog/settings.ts'
import { bytesOf, listSettings } from '../../catalog/settings.ts'
import { measured, runbook } from '../remedies.ts'
import type { Finding, Level, Rule } from '../rule.ts'

const gibibyte = 1024 ** 3

/** What a setting should not be, why, and what to set it to. */
interface Advice {
  level: Level
  problem: string
  value: string
}

interface Server {
  settings: Map<string, Setting>
  /** Null where the role may not see it. */
  databaseBytes: number | null
}

/** By setting. Each says nothing where the setting is in order, hidden or unknown to this version. */
const reviews: Record<string, (setting: Setting, server: Server) => Advice | undefined> = {
  fsync: ({ value }) =>
    value === 'off'
      ? { level: 'error', problem: 'a power cut can destroy the whole server', value: 'on' }
      : undefined,
  full_page_writes: ({ value }) =>
    value === 'off'
      ? { level: 'error', problem: 'a power cut can tear pages, and nothing mends them', value: 'on' }
      : undefined,
  autovacuum: ({ value }) =>
    value === 'off'
      ? { level: 'error', problem: 'dead rows stay, statistics age, transaction ids run out', value: 'on' }
      : undefined,
  track_counts: ({ value }) =>
    value === 'off'
      ? { level: 'error', problem: 'autovacuum does not know where to go, nor does this report', value: 'on' }
      : undefined,
  shared_buffers: (setting, { databaseBytes }) =>
    bytesOf(setting) <= gibibyte / 8 && (databaseBytes ?? 0) > 4 * bytesOf(setting)
      ? {
          level: 'warn',
          problem: 'the database is more than four times as large as the cache, which is at most the default',
          value: 'a quarter of the memory',
        }
      : undefined,
  effective_cache_size: (setting, { settings }) => {
    const buffers = settings.get('shared_buffers')
    return buffers && bytesOf(setting) < bytesOf(buffers)
      ? {
          level: 'warn',
          problem: 'the planner is told of less cache than shared_buffers alone, and shuns indexes',
          value: 'three quarters of the memory',
        }
      : undefined
  },
  random_page_cost: ({ value }) =>
    Number(value) >= 4
      ? {
          level: 'info',
          problem:
            'the planner takes the disk for a spinning one, and shuns indexes; on an SSD 1.1 is nearer',
          value: '1.1',
        }
      : undefined,
  checkpoint_completion_target: ({ value }) =>
    Number(value) < 0.7
      ? { level: 'info', problem: 'checkpoints write in bursts, which clients feel', value: '0.9' }
      : undefined,
  default_statistics_target: ({ value }) =>
    Number(value) < 100
      ? {
          level: 'warn',
          problem: 'ANALYZE samples less than by default, so the planner guesses',
          value: '100',
        }
      : undefined,
  max_connections: ({ value }) =>
    Number(value) > 500
      ? {
          level: 'info',
          problem: 'so many sessions slow each other down; a pooler serves more clients with fewer',
          value: 'some 100, behind a pooler',
        }
      : undefined,
  track_io_timing: ({ value }) =>
    value === 'off'
      ? { level: 'info', problem: 'nobody can tell whether statements wait for the disk', value: 'on' }
      : undefined,
}

/** Kinds of plans that somebody has forbidden for everybody: the planner then takes worse ones. */
function reviewPlannerSwitch(setting: Setting): Advice | undefined {
  const isSwitch = setting.name.startsWith('enable_')
  const isOff = setting.value === 'off' && !['default', 'session'].includes(setting.source)
  return isSwitch && isOff
    ? { level: 'warn', problem: 'a kind of plan is forbidden to every statement', value: 'on' }
    : undefined
}

/**
 * Settings that make the whole server slow or unsafe. A few, each with a reason; no tuning by formula.
 *
 * ```sql
 * SHOW random_page_cost;                      -- before: 4, on an SSD: the planner shuns indexes
 * ALTER SYSTEM SET random_page_cost = 1.1;    -- after
 * ```
 */
export const settingsReview: Rule = {
  name: 'settings_review',
  finds: 'settings that make the whole server slow or unsafe',
  cure: 'the value to set',
  async find(context) {
    const settings = await context.read(listSettings)
    const { databaseBytes } = await context.read(readServerFacts)
    const findings: Finding[] = []
    for (const setting of settings.values()) {
      const review = Object.hasOwn(reviews, setting.name) ? reviews[setting.name] : reviewPlannerSwitch
      const advice = review?.(setting, { settings, databaseBytes })
      if (advice) findings.push(toFinding(setting, advice))
      else if (setting.pendingRestart) findings.push(waitsForRestart(setting))
    }
    return findings
  },
}

function toFinding(setting: Setting, { level, problem, value }: Advice): Finding {
  const shown = `${setting.value}${setting.unit === null ? '' : ` x ${setting.unit}`}`
  const plain = /^[\w.]+$/.test(value)
  return {
    rule: 'settings_review',
    level,
    subject: [setting.name],
    detail: `${setting.name} is ${shown}: ${problem}.`,
    evidence: [measured('value', shown), measured('set by', setting.source)],
    remedy: runbook(
      `Set ${setting.name} to ${value}`,
      `ALTER SYSTEM SET ${setting.name} = ${plain ? value : `'...'`}; -- ${value}`,
      setting.context === 'postmaster'
        ? 'It takes a restart of the server.'
        : 'SELECT pg_reload_conf(); no restart is needed.',
      'On a managed platform set it there.',
    ),
  }
}

function waitsForRestart(setting: Setting): Finding {
  return {
    rule: 'settings_review',
    level: 'info',
    subject: [setting.name],
    detail: `${setting.name} was changed, and waits for a restart of the server.`,
    evidence: [measured('value', setting.value), measured('restart pending', true)],
    remedy: runbook('Restart the server', 'Restart in a quiet hour; until then the old value holds.'),
  }
}
