/** One anti-pattern: a table with a slow policy, and what an expert would write by hand. */
export interface AntiPattern {
  id: string
  title: string
  /** In antiPatterns.sql; its policy is called `p`. */
  table: string
  /** The gain in the reference measurement of the same pattern. */
  reference: string
  byHand: string[]
  /** The user who asks: `public.person(n)`. */
  person: number
  /** A condition for one organisation, or one team, that the person may see. */
  one: string
  /** How many times faster reading all rows must become; 1 if only the form written by hand sets the bar. */
  atLeast: number
}

export const antiPatterns: AntiPattern[] = [
  {
    ...pattern('index', 'An index on the column that a policy compares', 'indexed', '5213 times'),
    byHand: ['CREATE INDEX ON public.indexed (user_id)'],
  },
  {
    ...pattern('wrap_uid', 'auth.uid() wrapped', 'wrapped_uid', '20 times'),
    byHand: using('wrapped_uid', '(SELECT auth.uid()) = user_id'),
  },
  {
    ...pattern('wrap_helper', 'is_admin() wrapped', 'wrapped_admin', '1850 times'),
    byHand: using('wrapped_admin', '(SELECT public.is_admin())'),
  },
  {
    ...pattern('wrap_or', 'Both arms of an OR wrapped', 'both_arms', '906 times'),
    byHand: using('both_arms', '(SELECT public.is_admin()) OR (SELECT auth.uid()) = user_id'),
  },
  {
    ...pattern('wrap_role', 'has_role() = role wrapped', 'of_role', 'over 3400 times'),
    byHand: using('of_role', '(SELECT public.has_role()) = role'),
  },
  {
    ...pattern('array', 'team_id = ANY (user_teams()) as an array read once', 'of_team', 'over 1811 times'),
    byHand: using('of_team', 'team_id = ANY (ARRAY(SELECT unnest(public.user_teams())))'),
    one: 'team_id = 5',
  },
  {
    ...pattern(
      'array_index',
      'The same with 200,000 rows, 100 teams and an index',
      'of_hundred_teams',
      'over 51,900 times',
    ),
    byHand: [
      ...using('of_hundred_teams', 'team_id = ANY (ARRAY(SELECT unnest(public.hundred_user_teams())))'),
      'CREATE INDEX ON public.of_hundred_teams (team_id)',
    ],
    one: 'team_id = 10',
  },
  {
    ...pattern('correlated', 'A correlated sub-select turned round', 'correlated', '563 times'),
    byHand: using(
      'correlated',
      'team_id IN (SELECT u.team_id FROM public.team_user u WHERE u.user_id = (SELECT auth.uid()))',
    ),
    one: 'team_id = 11',
  },
  {
    ...pattern('membership', 'Members of 10 organisations, 500,000 rows', 'items', '700 times'),
    byHand: byKeys(),
    atLeast: 500,
  },
]

function pattern(id: string, title: string, table: string, reference: string): AntiPattern {
  return { id: `rls_${id}`, title, table, reference, byHand: [], person: 1, one: 'org_id = 2', atLeast: 1 }
}

function using(table: string, predicate: string): string[] {
  return [`ALTER POLICY p ON public.${table} USING (${predicate})`]
}

function byKeys(): string[] {
  return [
    `CREATE FUNCTION public.my_orgs_by_hand() RETURNS SETOF int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
       AS 'SELECT org_id FROM public.org_members WHERE user_id = auth.uid()'`,
    ...using('items', 'org_id = ANY (ARRAY(SELECT public.my_orgs_by_hand()))'),
  ]
}

/** The ways in which applications read a table; none of them may become slower. */
export function shapesOf({ table, one }: AntiPattern): { name: string; sql: string }[] {
  const order = table === 'items' || table === 'of_hundred_teams' ? 'created_at' : 'id'
  return [
    { name: 'all rows', sql: `SELECT * FROM public.${table}` },
    { name: 'one row by its id', sql: `SELECT * FROM public.${table} WHERE id = 10001` },
    { name: 'the latest 20', sql: `SELECT * FROM public.${table} ORDER BY ${order} DESC LIMIT 20` },
    { name: 'one organisation', sql: `SELECT * FROM public.${table} WHERE ${one}` },
  ]
}
