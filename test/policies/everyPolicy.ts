import type { RelationName } from '../../src/postgres/identifiers.ts'
import type { RuleName } from '../../src/rules/ruleNames.ts'

/** What must become of a policy of test/policies/everyPolicy.sql. */
export interface Expectation {
  table: RelationName
  policy: string
  /** Rewritten or dropped by a rule; refused, with a precondition as the reason; or nothing to do. */
  outcome:
    | { kind: 'cured'; by: RuleName[] }
    | { kind: 'refused'; because: RegExp; cured?: RuleName[] }
    | { kind: 'left' }
}

const odd = 'Größe "XL" & co'

const auth = cured('auth_rls_initplan')
const wrapped = cured('policy_function_initplan')
const membership = cured('policy_membership_function')
const left = { kind: 'left' } as const

export const expectations: Expectation[] = [
  ...on('public.notes', {
    'bare uid': auth,
    'bare uid turned round': auth,
    'bare jwt': auth,
    'bare role': auth,
    'bare email': auth,
    'current setting': auth,
    'cast outside': auth,
    'helper in sql': wrapped,
    'helper in plpgsql': wrapped,
  }),
  ...on('public.articles', {
    admin: wrapped,
    staff: wrapped,
    'job of a constant': wrapped,
    'job of the row': membership,
    'my job is the kind': wrapped,
    'array of teams': wrapped,
    'half wrapped': auth,
    'already wrapped': left,
    'not suspended': wrapped,
  }),
  ...on('public.drafts', {
    'cast inside the wrap': left,
    'wrapped and cast': left,
    'wrapped in vain': membership,
    'wrapped set': left,
    always: left,
    never: left,
    'of the row alone': left,
  }),
  ...on('public.uploads', {
    quota: refused(/volatile/i),
    'volatile by neglect': wrapped,
    'frozen identity': refused(/immutable/i),
    'not expired': left,
    'partly volatile': refused(/volatile/i, 'auth_rls_initplan'),
  }),
  ...on('public.projects', {
    member: membership,
    'owner and active': membership,
    'member in plpgsql': membership,
    'member and mine': cured('policy_membership_function', 'auth_rls_initplan'),
    'member for moderators': cured('policy_membership_function', 'auth_rls_initplan'),
    'not a member': refused(/NOT/),
  }),
  ...on('public.plans', {
    'volatile member': membership,
    'member as caller': membership,
    'org or team': membership,
    'two arguments': membership,
    branching: membership,
    'not an equality': refused(/EXISTS|body|argument|=/i),
    count: membership,
    'role of the org': refused(/returns .*member_role/),
    'member or else': refused(/NULL|AND|OR|CASE|positive/),
    'member is null': refused(/NULL|NOT|positive/),
  }),
  ...on('public.shut', { 'no right to call': refused(/EXECUTE|permission denied|42501/i) }),
  ...on('public.tasks', {
    'team exists': cured('policy_correlated_subquery', 'auth_rls_initplan'),
    'user in team': cured('policy_correlated_subquery', 'auth_rls_initplan'),
    'no team exists': refused(/NOT|NULL/, 'auth_rls_initplan'),
    'through the project': refused(/rewrite those first/, 'auth_rls_initplan'),
    'team in set': left,
    'two keys': refused(/row/),
    'at most one': refused(/more than/),
  }),
  ...on('public.rooms', {
    'all without check': auth,
    'all with check': auth,
    'update without check': auth,
    'several roles': auth,
    'restrictive insert': cured('policy_membership_function', 'policy_function_initplan'),
  }),
  ...on('public.favorites', {
    'twin one': left,
    'twin two': cured('duplicate_policy'),
    'other role': left,
    'other kind': left,
    'other command': left,
    'other check': left,
    'turned round': left,
    pair: left,
  }),
  ...on('public.events', { 'own events': auth }),
  ...on('public.events_2025', {
    'own events of 2025': cured('policy_membership_function', 'auth_rls_initplan'),
  }),
  ...on('public.secrets', {
    forced: auth,
    'forced for the owner': left,
  }),
  ...on('public.circles', { recursive: refused(/recursi|42P17/i) }),
  ...on('public.leftovers', {
    'after dropped columns': auth,
    'array column': auth,
    'jsonb column': auth,
    'jsonb contains': auth,
    'enum column': auth,
  }),
  ...on('public.sleeping', { 'switched off': auth }),
  ...on(
    { schema: odd, name: `Select "from" O'Reilly` },
    {
      'It\'s "quoted"; -- and `more` ${x} \\ done': auth,
      日本語のポリシー名は六十三バイトまで書ける: auth,
      'sixty-three bytes long, to the last: abcdefghijklmnopqrstuvwxyz': auth,
      'odd membership': membership,
    },
  ),
  ...on('storage.objects', {
    'Give users access to own folder 1oj01fe_0': auth,
    'Give users access to own folder 1oj01fe_1': auth,
    'Files of the owner': auth,
  }),
  ...on('platform.audit', { 'audit is for its actor': refused(/own/) }),
]

function on(table: RelationName | string, policies: Record<string, Expectation['outcome']>): Expectation[] {
  const [schema = '', name = ''] = typeof table === 'string' ? table.split('.') : [table.schema, table.name]
  return Object.entries(policies).map(([policy, outcome]) => ({ table: { schema, name }, policy, outcome }))
}

/** By any of the rules: one migration may cure what several rules found. */
function cured(...by: RuleName[]): Expectation['outcome'] {
  return { kind: 'cured', by }
}

/** One part is refused; where rules are named, they cure another part of the same policy. */
function refused(because: RegExp, ...rules: RuleName[]): Expectation['outcome'] {
  return { kind: 'refused', because, ...(rules.length > 0 ? { cured: rules } : {}) }
}
