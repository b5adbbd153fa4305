import type { Identity } from './effects.ts'
import { emailOf, keyId } from './madeUpValues.ts'
import type { SpokenValues } from './spokenValues.ts'

/** The people of `fillSchema`; the first two and the third, who claims to be an administrator, ask. */
export const people = [
  'aaaaaaaa-1111-4111-8111-111111111111',
  'bbbbbbbb-2222-4222-8222-222222222222',
  'cccccccc-3333-4333-8333-333333333333',
  'dddddddd-4444-4444-8444-444444444444',
] as const

export interface Callers {
  /** The role of those who signed in; `authenticated` by default. */
  signedIn?: string
  /** The role of everybody else; `anon` by default. */
  anonymous?: string
}

/**
 * Six kinds of caller: two of the people, one who claims whatever makes an administrator, a stranger whom no row
 * mentions, one without claims, and one whose claims are malformed.
 */
export function sixIdentities(spoken: SpokenValues, callers: Callers = {}): Record<string, Identity> {
  const { signedIn = 'authenticated', anonymous = 'anon' } = callers
  const stranger = 'eeeeeeee-9999-4999-8999-999999999999'
  const caller = (sub: string, number: number, isAdministrator = false): Identity => {
    const extra = Object.fromEntries(
      spoken.jsonKeys.flatMap((key): [string, unknown][] => {
        const value = claimFor(key, number, isAdministrator, spoken)
        return value === undefined || usual.includes(key) ? [] : [[key, value]]
      }),
    )
    const metadata = { ...extra, ...(isAdministrator ? { role: 'admin', roles: ['admin'] } : {}) }
    return {
      role: signedIn,
      claims: {
        ...extra,
        sub,
        role: signedIn,
        aud: 'authenticated',
        email: emailOf(sub),
        aal: isAdministrator ? 'aal2' : 'aal1',
        app_metadata: metadata,
        user_metadata: metadata,
      },
      settings: settingsFor(sub, number, isAdministrator, spoken),
    }
  }
  return {
    'first user': caller(people[0], 0),
    'second user': caller(people[1], 1),
    administrator: caller(people[2], 2, true),
    stranger: caller(stranger, 9),
    anonymous: { role: anonymous },
    malformed: {
      role: signedIn,
      claims: { sub: 'no uuid', role: signedIn, email: 'nobody@example.com', app_metadata: 'no object' },
    },
  }
}

const usual = ['sub', 'role', 'aud', 'email', 'aal', 'app_metadata', 'user_metadata']

/** Whom the caller belongs to, and for the administrator whatever the policies compare the claim with. */
function claimFor(key: string, number: number, isAdministrator: boolean, spoken: SpokenValues): unknown {
  if (/(org|organi[sz]ation|tenant|company|workspace|team|account|school|clinic)/i.test(key))
    return keyId(number)
  if (!isAdministrator) return undefined
  const values = spoken.byName.get(key) ?? []
  return values.find((value) => /admin|owner|super|true/i.test(value)) ?? values[0] ?? true
}

function settingsFor(
  sub: string,
  number: number,
  isAdministrator: boolean,
  spoken: SpokenValues,
): Record<string, string> {
  const own = spoken.settings.filter((name) => name.includes('.') && !name.startsWith('request.jwt.claim'))
  return Object.fromEntries(
    own.flatMap((name): [string, string][] => {
      if (/email/i.test(name)) return [[name, emailOf(sub)]]
      if (/role/i.test(name)) return isAdministrator ? [[name, 'admin']] : []
      if (/(user|person|sub|account|member|actor|owner|session|profile)/i.test(name)) return [[name, sub]]
      if (/(tenant|org|company|workspace|team)/i.test(name)) return [[name, keyId(number)]]
      return []
    }),
  )
}
