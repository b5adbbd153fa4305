import type { BodyCase, BodyGroup } from './bodyCase.ts'
import { definer, emptyPath, invoker, plpgsql } from './member.ts'

const isLarge = true

/** `EXISTS` on the members of the row's organisation, with a condition on the member `m`. */
function exists(name: string, condition: string, rest: Partial<BodyCase> = {}): BodyCase {
  return {
    name,
    isLarge,
    predicate: `EXISTS (SELECT FROM members m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid() AND ${condition})`,
    ...rest,
  }
}

/** Sub-selects that read a table for every row. */
export const correlated: BodyGroup = {
  name: 'correlated sub-selects',
  cases: [
    {
      name: 'exists_member',
      isLarge,
      mustRewrite: true,
      predicate: 'EXISTS (SELECT FROM members m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid())',
    },
    {
      name: 'in_members',
      isLarge,
      mustRewrite: true,
      predicate:
        'org_id IN (SELECT m.org_id FROM members m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid())',
    },
    {
      name: 'caller_in_members',
      isLarge,
      predicate: 'auth.uid() IN (SELECT m.user_id FROM members m WHERE m.org_id = c_docs.org_id)',
    },
    exists('exists_role', `m.role IN ('owner', 'admin')`, { mustRewrite: true }),
    exists('exists_division', '10 / m.level > 3'),
    exists('exists_claim', `m.level <= (auth.jwt() ->> 'level')::int`),
    exists('exists_setting', `m.org_text = current_setting('app.tenant')`),
    exists('exists_setting_optional', `m.org_text = current_setting('app.tenant', true)`),
    exists('exists_text_to_uuid', `m.org_text::uuid IS NOT NULL`),
    exists('exists_nested_unqualified', 'c_active(m.user_id)', {
      setup: `CREATE FUNCTION c_active(person uuid) RETURNS boolean ${invoker} AS $$ SELECT EXISTS (SELECT FROM profiles p WHERE p.id = person) $$`,
    }),
    exists('exists_nested_raises', 'c_fine(m.is_blocked)', {
      setup: `CREATE FUNCTION c_fine(is_blocked boolean) RETURNS boolean ${plpgsql} AS $$ BEGIN IF is_blocked THEN RAISE EXCEPTION 'blocked'; END IF; RETURN true; END $$`,
    }),
    exists('exists_signed_in', 'c_signed_in()', {
      setup: `CREATE FUNCTION c_signed_in() RETURNS boolean ${plpgsql} AS $$ BEGIN IF auth.uid() IS NULL THEN RAISE EXCEPTION 'must be signed in'; END IF; RETURN true; END $$`,
    }),
    exists('exists_one_row', 'm.role = (SELECT x.role FROM members x WHERE x.user_id = m.user_id)'),
    exists('exists_random', 'random() >= 0'),
    exists('exists_sum', 'm.level * 2000000000 > 0'),
    exists('exists_json', `(SELECT (o.settings ->> 'seats')::int FROM orgs o WHERE o.id = m.org_id) > 1`),
    {
      name: 'exists_casts_key',
      isLarge,
      predicate:
        'EXISTS (SELECT FROM members m WHERE m.org_text::uuid = c_docs.org_id AND m.user_id = auth.uid())',
    },
    {
      name: 'exists_casts_row',
      isLarge,
      predicate:
        'EXISTS (SELECT FROM members m WHERE m.org_id = c_docs.org_text::uuid AND m.user_id = auth.uid())',
    },
    {
      name: 'exists_int_and_text',
      isLarge,
      predicate: 'EXISTS (SELECT FROM members m WHERE m.org_int::text = c_docs.org_text)',
    },
    {
      name: 'exists_bigint',
      isLarge,
      predicate:
        'EXISTS (SELECT FROM members m WHERE m.org_int = c_docs.org_int::bigint AND m.user_id = auth.uid())',
    },
    {
      name: 'exists_strict',
      isLarge,
      setup: `CREATE FUNCTION c_open(org uuid) RETURNS boolean LANGUAGE plpgsql STABLE STRICT AS $$ BEGIN RETURN (SELECT count(*) = 1 FROM public.orgs o WHERE o.id = org AND o.is_open); END $$`,
      predicate:
        'EXISTS (SELECT FROM members m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid() AND c_open(m.org_id))',
    },
    {
      name: 'exists_not',
      isLarge,
      predicate:
        'NOT EXISTS (SELECT FROM members m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid())',
    },
    {
      name: 'exists_is_false',
      isLarge,
      predicate:
        'EXISTS (SELECT FROM members m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid()) IS FALSE',
    },
    {
      name: 'not_in_correlated',
      isLarge,
      predicate: 'auth.uid() NOT IN (SELECT m.user_id FROM members m WHERE m.org_id = c_docs.org_id)',
    },
    {
      name: 'exists_limit_zero',
      isLarge,
      predicate: 'EXISTS (SELECT FROM members m WHERE m.org_id = c_docs.org_id LIMIT 0)',
    },
    {
      name: 'exists_offset',
      isLarge,
      predicate:
        'EXISTS (SELECT FROM members m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid() OFFSET 1)',
    },
    {
      name: 'exists_grouped',
      isLarge,
      predicate:
        'EXISTS (SELECT 1 FROM members m WHERE m.org_id = c_docs.org_id GROUP BY m.org_id HAVING count(*) > 2)',
    },
    {
      name: 'exists_counted',
      isLarge,
      predicate: 'EXISTS (SELECT count(*) FROM members m WHERE m.org_id = c_docs.org_id)',
    },
    {
      name: 'exists_set_target',
      isLarge,
      predicate: 'EXISTS (SELECT generate_series(1, 0) FROM members m WHERE m.org_id = c_docs.org_id)',
    },
    {
      name: 'exists_joined',
      isLarge,
      mustRewrite: true,
      predicate:
        'EXISTS (SELECT FROM members m JOIN orgs o ON o.id = m.org_id WHERE o.id = c_docs.org_id AND m.user_id = auth.uid() AND o.is_open)',
    },
    {
      name: 'exists_left_joined',
      isLarge,
      predicate:
        'EXISTS (SELECT FROM profiles p LEFT JOIN members m ON m.user_id = p.id WHERE m.org_id = c_docs.org_id AND p.id = auth.uid())',
    },
    {
      name: 'exists_join_raises',
      isLarge,
      predicate: `EXISTS (SELECT FROM members m JOIN orgs o ON o.id = m.org_id AND (o.settings ->> 'seats')::int > 1 WHERE o.id = c_docs.org_id AND m.user_id = auth.uid())`,
    },
    {
      name: 'exists_view',
      isLarge,
      setup: `CREATE VIEW c_mine AS SELECT *, 10 / level AS share FROM members; GRANT SELECT ON c_mine TO PUBLIC`,
      predicate:
        'EXISTS (SELECT FROM c_mine m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid() AND m.share > 3)',
    },
    {
      name: 'exists_recursive',
      isLarge,
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC; ALTER TABLE c_members ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON c_members USING (EXISTS (SELECT FROM c_members x WHERE x.user_id = auth.uid()))`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate: 'EXISTS (SELECT FROM c_members m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid())',
    },
    {
      name: 'exists_guarded',
      isLarge,
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC; ALTER TABLE c_members ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON c_members USING (level < (auth.jwt() ->> 'level')::int)`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate: 'EXISTS (SELECT FROM c_members m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid())',
    },
    {
      name: 'exists_policy_calls',
      isLarge,
      setup: `CREATE FUNCTION c_fine(level int) RETURNS boolean ${plpgsql} AS $$ BEGIN RETURN 10 / level > 0; END $$; CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC; ALTER TABLE c_members ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON c_members USING (c_fine(level))`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate: 'EXISTS (SELECT FROM c_members m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid())',
    },
    {
      name: 'exists_no_select',
      isLarge,
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO authenticated`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate: 'EXISTS (SELECT FROM c_members m WHERE m.org_id = c_docs.org_id AND m.user_id = auth.uid())',
    },
    {
      name: 'exists_in_set',
      isLarge,
      setup: `CREATE FUNCTION c_orgs() RETURNS SETOF uuid ${definer} ${emptyPath} AS $$ SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid() AND 10 / m.level > 0 $$`,
      predicate: 'EXISTS (SELECT FROM c_orgs() o WHERE o = c_docs.org_id)',
    },
    {
      name: 'exists_in_claims',
      isLarge,
      predicate: `EXISTS (SELECT FROM jsonb_array_elements_text(auth.jwt() -> 'roles') AS r (name) WHERE r.name = c_docs.kind)`,
    },
    {
      name: 'in_claims_list',
      isLarge,
      predicate: `kind IN (SELECT r.name FROM jsonb_array_elements_text(auth.jwt() -> 'roles') AS r (name))`,
    },
    {
      name: 'claim_in_split',
      isLarge,
      predicate: `kind = ANY (string_to_array(auth.jwt() ->> 'kinds', ','))`,
    },
    {
      name: 'exists_two_columns',
      isLarge,
      predicate:
        'EXISTS (SELECT FROM members m WHERE m.org_id = c_docs.org_id AND m.user_id = c_docs.owner_id)',
    },
    {
      name: 'exists_not_distinct',
      isLarge,
      predicate:
        'EXISTS (SELECT FROM members m WHERE m.org_id IS NOT DISTINCT FROM c_docs.org_id AND m.user_id = auth.uid())',
    },
    {
      name: 'scalar_one_row',
      isLarge,
      predicate: '(SELECT m.user_id FROM members m WHERE m.org_id = c_docs.org_id) = auth.uid()',
    },
    {
      name: 'scalar_of_caller',
      predicate: 'org_id = (SELECT m.org_id FROM members m WHERE m.user_id = auth.uid())',
    },
    {
      name: 'scalar_of_profile',
      predicate: 'org_id = (SELECT p.org_id FROM profiles p WHERE p.id = auth.uid())',
    },
    {
      name: 'array_of_members',
      isLarge,
      predicate: 'auth.uid() = ANY (ARRAY(SELECT m.user_id FROM members m WHERE m.org_id = c_docs.org_id))',
    },
  ],
}
