import { alterRoleSetting } from '../../operations/alterRoleSetting.ts'
import { alterSettingHere } from '../../operations/alterSettingHere.ts'
import type { Reason } from '../../operations/operation.ts'
import { displayIdentifier, quote } from '../../postgres/identifiers.ts'
import type { RoleTimeouts, TimeoutSetting } from '../../catalog/roleTimeouts.ts'
import { listRoleTimeouts, listServerTimeouts } from '../../catalog/roleTimeouts.ts'
import { listSlowestCalls } from '../../catalog/slowestCalls.ts'
import { measured, migration, runbook } from '../remedies.ts'
import type { Remedy, Rule, Violation } from '../rule.ts'

/** For visitors, for users, and for everything else that serves requests, in seconds. */
const statementSeconds: Record<string, number> = { anon: 3, authenticated: 8 }
const otherSeconds = 30
/** A statement may take that many times as long as the slowest call that was counted. */
const headroom = 2

/** What happens without a timeout, and the value that is proposed for it. */
interface Proposal {
  setting: TimeoutSetting
  level: 'warn' | 'info'
  problem: (role: string) => string
  /** What that costs; empty where the problem says it. */
  cost?: string
  seconds: (role: string, slowestMs: number) => number
  /** Only sessions that begin as the role have it: nobody logs in as `anon`. */
  onlyLogins?: boolean
}

const proposals: Proposal[] = [
  {
    setting: 'statement_timeout',
    level: 'warn',
    problem: (role) => `No timeout ends a runaway statement of role ${role}.`,
    cost: 'Until then it holds a connection, its locks and its snapshot.',
    seconds: (role, slowestMs) =>
      Math.max(statementSeconds[role] ?? otherSeconds, roundUp((headroom * slowestMs) / 1_000)),
  },
  {
    setting: 'idle_in_transaction_session_timeout',
    level: 'info',
    problem: (role) => `No timeout ends a transaction of role ${role} in which nothing happens.`,
    cost: 'Until then it keeps its locks, and VACUUM from cleaning.',
    seconds: () => 60,
    onlyLogins: true,
  },
  {
    setting: 'lock_timeout',
    level: 'info',
    problem: (role) =>
      `A statement of role ${role} waits for a lock as long as it may run, and others wait behind it.`,
    seconds: () => 10,
    onlyLogins: true,
  },
  {
    setting: 'idle_session_timeout',
    level: 'info',
    problem: (role) => `No timeout closes a session of role ${role} that nobody uses any more.`,
    seconds: () => 1_800,
    onlyLogins: true,
  },
  {
    setting: 'transaction_timeout',
    level: 'info',
    problem: (role) => `No timeout ends a long transaction of role ${role} whose statements are short.`,
    seconds: (_, slowestMs) => Math.max(300, roundUp((10 * headroom * slowestMs) / 1_000)),
    onlyLogins: true,
  },
]

/**
 * Roles of applications without timeouts. A runaway statement holds its connection, its locks and its snapshot until
 * somebody notices; a pool full of them stops the application. The value leaves twice the time of the slowest call that
 * pg_stat_statements has counted for the role.
 *
 * ```sql
 * SELECT ... CROSS JOIN ...;                    -- before: runs for an hour, the client is long gone
 * ALTER ROLE anon SET statement_timeout = '3s'; -- after: ERROR: canceling statement due to statement timeout
 * ```
 *
 * Roles that own tables are left out: they migrate and maintain, which takes long. Only statement_timeout is a warning;
 * the other timeouts are proposed with `--level info`.
 */
export const missingStatementTimeout: Rule = {
  name: 'missing_statement_timeout',
  finds: 'roles of applications without a statement_timeout, or without the other timeouts',
  cure: 'timeouts for the role in this database, from its slowest calls',
  async find(context) {
    const server = await context.read(listServerTimeouts)
    const slowest = await context.read(listSlowestCalls)
    const roles = await context.read(listRoleTimeouts)
    const violations: Violation[] = []
    for (const { setting, level, problem, cost, seconds, onlyLogins } of proposals) {
      const ofServer = server.get(setting)
      // PostgreSQL before 17 does not know transaction_timeout.
      if ((ofServer ?? 0) > 0 || (ofServer === undefined && setting === 'transaction_timeout')) continue
      for (const role of roles) {
        const { name, canLogin, timeouts } = role
        const { own, here, effective } = timeouts[setting]
        if (effective !== null && !/^0\s*[a-z]*$/.test(effective)) continue
        if (onlyLogins && !canLogin) continue
        const slowestMs = slowest.get(name)
        const value = spoken(seconds(name, slowestMs ?? 0))
        const detail = problem(displayIdentifier(name))
        violations.push({
          level,
          subject: setting === 'statement_timeout' ? [name] : [name, setting],
          detail,
          evidence: [
            measured(`${setting} of the role`, own),
            measured('of the role in this database', here),
            measured('of the server', ofServer ?? 'hidden behind one of this session'),
            slowestMs === undefined
              ? measured('slowest call of the role', 'not counted')
              : measured('slowest call of the role', Math.round(slowestMs), 'ms'),
          ],
          remedy: remedyFor(role, setting, value, {
            rule: 'missing_statement_timeout',
            why: `${detail}${cost === undefined ? '' : ` ${cost}`} With ${value} the server ends it; the setting holds for new sessions.${slowestMs === undefined ? '' : ` The slowest call of this role that was counted took ${spoken(slowestMs / 1_000)}.`} Before you merge: check that nothing of this role needs longer.`,
          }),
        })
      }
    }
    return violations
  },
}

/**
 * A role that logs in gets it in this database alone, so that other databases of the server are not concerned. For a role
 * that an API switches to, the server knows no settings; PostgREST applies those for all databases.
 */
function remedyFor(role: RoleTimeouts, setting: TimeoutSetting, value: string, reason: Reason): Remedy {
  const { name, canLogin, mayAlter, ownsDatabase, timeouts } = role
  const { own, here, everybody } = timeouts[setting]
  const isHere = canLogin || here !== null
  if (mayAlter) {
    return migration(
      isHere
        ? alterSettingHere(name, { setting, value, current: here }, reason)
        : alterRoleSetting(name, { setting, value, current: own }, reason),
    )
  }
  // A statement_timeout for everybody would end migrations and backups too.
  const isForEverybody = setting === 'idle_in_transaction_session_timeout' && own === null && here === null
  if (ownsDatabase && isForEverybody) {
    const why = `${reason.why} This role may not alter that one, but owns the database: the setting holds for every role that has none of its own.`
    return migration(alterSettingHere(null, { setting, value, current: everybody }, { ...reason, why }))
  }
  const whose = `ALTER ROLE ${quote(name)}${isHere ? ' IN DATABASE (this one)' : ''}`
  return runbook(
    `Set ${setting} of role ${displayIdentifier(name)} to ${value}`,
    `As a superuser, or a role with CREATEROLE that may administer it: ${whose} SET ${setting} = '${value}'`,
    `To take it back: ${whose} ${(isHere ? here : own) === null ? `RESET ${setting}` : `SET ${setting} = '${(isHere ? here : own) ?? ''}'`}`,
  )
}

/** 7.3 -> 8, 41 -> 45, 130 -> 180: to whole seconds, then to 5 s, then to minutes. */
function roundUp(seconds: number): number {
  const step = seconds <= 15 ? 1 : seconds <= 60 ? 5 : 60
  return Math.ceil(seconds / step) * step
}

/** `8s`, `5min`; `0.4 s` in a text is `400ms`. */
function spoken(seconds: number): string {
  if (seconds > 0 && seconds < 1) return `${Math.round(seconds * 1_000)}ms`
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60}min`
  return `${Number(seconds.toFixed(1))}s`
}
