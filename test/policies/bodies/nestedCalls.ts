import type { BodyGroup } from './bodyCase.ts'

/** Functions that call others: what these mean hangs on the path and the rights under which they are called. */
export const nestedCalls: BodyGroup = {
  name: 'nested calls',
  cases: [
    {
      name: 'own_tables',
      mustRewrite: true,
      setup: `CREATE FUNCTION c_member(org uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
        AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid()) $$`,
      predicate: 'c_member(org_id)',
    },
    {
      name: 'nested_unqualified',
      setup: `
        CREATE FUNCTION c_active(person uuid) RETURNS boolean LANGUAGE sql STABLE
          AS $$ SELECT EXISTS (SELECT FROM profiles p WHERE p.id = person) $$;
        CREATE FUNCTION c_member(org uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
          AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid() AND public.c_active(m.user_id)) $$`,
      predicate: 'c_member(org_id)',
    },
  ],
}
