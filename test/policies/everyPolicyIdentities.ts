import { createHash } from 'node:crypto'
import type { Identity } from '../support/effects.ts'

/** The id that everyPolicy.sql gives the nth of its twelve users. */
export function userId(number: number): string {
  const digest = createHash('md5').update(`user${number}`).digest('hex')
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Signed in as the nth user, with what the applications of this world put into claims and settings. */
export function user(number: number, role = 'authenticated'): Identity {
  const tenant = (number % 6) + 1
  return {
    role,
    claims: {
      sub: userId(number),
      role,
      email: `user${number}@example.com`,
      app_metadata: { tenant },
    },
    settings: { 'app.tenant': `${tenant}`, 'app.level': 'member' },
  }
}

/** Every kind of caller: with and without claims, in every role that a policy names. */
export const identities: Identity[] = [
  { role: 'anon' },
  { ...user(0), role: 'anon' },
  { role: 'anon', settings: { 'app.tenant': '3', 'app.level': 'owner' } },
  { role: 'authenticated' },
  { role: 'authenticated', claims: { sub: '00000000-0000-0000-0000-000000000000' } },
  ...Array.from({ length: 12 }, (_, number) => user(number)),
  { role: 'service_role' },
  { role: 'every_policy_moderator' },
  user(0, 'every_policy_moderator'),
  user(3, 'every_policy_moderator'),
  user(1, 'every policy "staff"'),
  user(4, 'every policy "staff"'),
  { role: 'every_policy_owner', claims: { sub: userId(2) } },
]
