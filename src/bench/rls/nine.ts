/** One of the nine cases, and what its cure gained where it was published. */
export interface PublishedCase {
  id: string
  title: string
  /** In nine.sql; its policy is called `p`. */
  table: string
  sql: string
  role: 'anon' | 'authenticated'
  /** Milliseconds before and after, as published; `<.1` counts as 0.1. */
  published: { before: number; after: number }
}

/** The table "Sample results" of github.com/GaryAustin1/RLS-Performance. */
export const publishedCases: PublishedCase[] = [
  ofCase('1', 'An index on the column that a policy compares', 'nine_index', [171, 0.1]),
  ofCase('2a', 'auth.uid() wrapped', 'nine_uid', [179, 9]),
  ofCase('2b', 'is_admin() wrapped', 'nine_admin', [11_000, 7]),
  ofCase('2c', 'is_admin() OR auth.uid() = user_id', 'nine_or', [11_000, 10]),
  ofCase('2d', 'The role that a function looks up', 'nine_role', [178_000, 12]),
  ofCase('2e', 'The array of teams that a function returns', 'nine_array', [173_000, 16]),
  ofCase('3', 'A filter beside the policy; here without a change of the query', 'nine_filter', [171, 9]),
  ofCase('5', 'A join turned round', 'nine_join', [9_000, 20]),
  { ...ofCase('6', 'A visitor whom the policy lets see nothing', 'nine_to', [170, 0.1]), role: 'anon' },
]

function ofCase(id: string, title: string, table: string, [before, after]: [number, number]): PublishedCase {
  return {
    id: `rls_nine_${id}`,
    title,
    table,
    sql: `SELECT count(*) FROM public.${table}`,
    role: 'authenticated',
    published: { before, after },
  }
}
