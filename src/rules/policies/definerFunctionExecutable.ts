import type { CallableFunction } from '../../catalog/callableFunctions.ts'
import { listCallableDefiners } from '../../catalog/callableFunctions.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation } from '../rule.ts'

/**
 * SECURITY DEFINER functions that a role of the API can call by name, as `/rest/v1/rpc/...`: they read and write with the
 * rights of their owner, past every policy. Functions that policies for the role call are left out, since it has to be able
 * to call these; those that ask who is calling are only mentioned.
 */
export async function findExecutableDefiners(
  context: Snapshot,
  role: 'anon' | 'authenticated',
  level: 'warn' | 'info',
): Promise<Violation[]> {
  const wanted = await wantedSchemas(context)
  return (await context.read(listCallableDefiners))
    .filter(
      ({ schema, callableBy, policiesFor }) =>
        wanted(schema) && callableBy.includes(role) && !policiesFor.includes(role),
    )
    .map((each) => toViolation(each, role, level))
}

/** In the body of a function: it can tell its callers apart, and most that do so refuse the wrong ones. */
const asksWhoCalls = /\bauth\.(uid|jwt|role|email)\b|\bcurrent_setting\b|\b(current|session)_user\b/i

function toViolation(each: CallableFunction, role: string, level: 'warn' | 'info'): Violation {
  const asks = asksWhoCalls.test(each.definition)
  const called = `${qualified(each)}(${each.args})`
  const isForAll = each.grantees === null || each.grantees.includes('')
  const kind = each.kind === 'p' ? 'PROCEDURE' : 'FUNCTION'
  return {
    level: asks ? 'info' : level,
    subject: [each.schema, each.name, each.args],
    detail: `${role} may call ${display(each)}(${each.args}), which has the rights of ${each.owner}.`,
    evidence: [
      measured('owner', each.owner),
      measured('granted to', isForAll ? 'PUBLIC' : role),
      measured('asks who is calling', asks),
    ],
    remedy: runbook(
      'Let only those call it who have to',
      `If clients need it, check in its body who is calling, such as by auth.uid(), and set its search_path. Then list it in the ignore file.`,
      `Else: REVOKE EXECUTE ON ${kind} ${called} FROM ${isForAll ? `PUBLIC, ${quote(role)}` : quote(role)};`,
      `If its owner's rights are not needed: ALTER ${kind} ${called} SECURITY INVOKER;`,
    ),
    ...(asks
      ? { infoBecause: 'on functions that ask who is calling' }
      : level === 'info'
        ? { infoBecause: 'for users who have signed in' }
        : {}),
  }
}
