import type { BodyGroup } from './bodyCase.ts'
import { allowed, definer, emptyPath, invoker, isMember, member, plpgsql } from './member.ts'

const predicate = 'c_member(org_id)'
const ownMembers = 'CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC;'
const guarded = `${ownMembers} ALTER TABLE c_members ENABLE ROW LEVEL SECURITY;`
const rows = 'INSERT INTO c_members SELECT * FROM members'
const ofMembers = isMember('true', 'public.c_members')

/** Whose rights count while a body runs. */
export const rights: BodyGroup = {
  name: 'rights',
  cases: [
    {
      name: 'own_rows_of_members',
      setup: `${guarded} CREATE POLICY own ON c_members USING (user_id = auth.uid()); ${member(`${invoker} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'recursive_members',
      setup: `${guarded} CREATE POLICY own ON c_members USING (org_id IN (SELECT x.org_id FROM c_members x WHERE x.user_id = auth.uid()));
        ${member(`${invoker} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'recursive_members_definer',
      mustRewrite: true,
      setup: `${guarded} CREATE POLICY own ON c_members USING (org_id IN (SELECT x.org_id FROM c_members x WHERE x.user_id = auth.uid()));
        ${member(`${definer} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'recursive_for_anon',
      setup: `${guarded} CREATE POLICY own ON c_members TO authenticated USING (user_id = auth.uid());
        CREATE POLICY everybody ON c_members TO anon USING (EXISTS (SELECT FROM c_members x WHERE x.user_id IS NULL)); ${member(`${invoker} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'recursive_through_view',
      setup: `${guarded} CREATE VIEW c_all WITH (security_invoker) AS SELECT * FROM c_members; GRANT SELECT ON c_all TO PUBLIC;
        CREATE POLICY own ON c_members USING (EXISTS (SELECT FROM c_all x WHERE x.user_id = auth.uid())); ${member(`${invoker} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'recursive_in_nested',
      setup: `${guarded} CREATE POLICY own ON c_members USING (EXISTS (SELECT FROM c_members x WHERE x.user_id = auth.uid()));
        CREATE FUNCTION c_known(person uuid) RETURNS boolean ${invoker} ${emptyPath} AS $$ SELECT EXISTS (SELECT FROM public.c_members m WHERE m.user_id = person) $$;
        ${member(`${invoker} ${emptyPath}`, isMember('public.c_known(m.user_id)'))}`,
      rows,
      predicate,
    },
    {
      name: 'recursive_allowed',
      setup: `${guarded} CREATE POLICY own ON c_members USING (EXISTS (SELECT FROM c_members x WHERE x.user_id = auth.uid()));
        ${allowed(`${invoker} ${emptyPath}`, 'SELECT EXISTS (SELECT FROM public.c_members m WHERE m.user_id = auth.uid())')}`,
      rows,
      predicate: 'c_allowed()',
    },
    {
      name: 'members_policy_raises',
      setup: `${guarded} CREATE POLICY own ON c_members USING (org_text::uuid = org_id); ${member(`${invoker} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'members_policy_claim',
      setup: `${guarded} CREATE POLICY own ON c_members USING (level <= (auth.jwt() ->> 'level')::int); ${member(`${invoker} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
      unreadable: 'malformed claims',
    },
    {
      name: 'members_of_signed_in',
      setup: `${guarded} CREATE POLICY own ON c_members TO authenticated USING (true); ${member(`${invoker} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'no_select_on_members',
      setup: `${ownMembers} REVOKE SELECT ON c_members FROM PUBLIC; GRANT SELECT ON c_members TO authenticated; ${member(`${invoker} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'no_select_on_column',
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT (user_id) ON c_members TO PUBLIC; GRANT SELECT (org_id) ON c_members TO authenticated; ${member(`${invoker} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'no_select_in_definer',
      mustRewrite: true,
      setup: `${ownMembers} REVOKE SELECT ON c_members FROM PUBLIC; ${member(`${definer} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'no_execute_for_anon',
      setup: `${member(`${definer} ${emptyPath}`, isMember())} REVOKE EXECUTE ON FUNCTION c_member FROM PUBLIC; GRANT EXECUTE ON FUNCTION c_member TO authenticated`,
      predicate,
    },
    {
      name: 'no_execute_for_anybody',
      setup: `${member(`${definer} ${emptyPath}`, isMember())} REVOKE EXECUTE ON FUNCTION c_member FROM PUBLIC`,
      predicate,
    },
    {
      name: 'no_execute_nested',
      setup: `CREATE FUNCTION c_fine(level int) RETURNS boolean ${plpgsql} AS $$ BEGIN RETURN level > 0; END $$;
        REVOKE EXECUTE ON FUNCTION c_fine FROM PUBLIC; GRANT EXECUTE ON FUNCTION c_fine TO authenticated;
        ${member(`${invoker} ${emptyPath}`, isMember('public.c_fine(m.level)'))}`,
      predicate,
    },
    {
      name: 'no_execute_allowed',
      setup: `${allowed(`${plpgsql} ${emptyPath}`, 'BEGIN RETURN true; END')} REVOKE EXECUTE ON FUNCTION c_allowed FROM PUBLIC; GRANT EXECUTE ON FUNCTION c_allowed TO authenticated`,
      predicate: 'c_allowed()',
    },
    {
      name: 'no_usage_on_schema',
      setup: `CREATE SCHEMA c_hidden; CREATE FUNCTION c_hidden.fine(level int) RETURNS boolean ${plpgsql} AS $$ BEGIN RETURN level > 0; END $$; GRANT USAGE ON SCHEMA c_hidden TO authenticated;
        ${member(`${invoker} ${emptyPath}`, isMember('c_hidden.fine(m.level)'))}`,
      predicate,
    },
    {
      name: 'definer_asks_invoker',
      setup: `${guarded} CREATE POLICY own ON c_members USING (user_id = auth.uid());
        CREATE FUNCTION c_peers(org uuid) RETURNS bigint ${invoker} ${emptyPath} AS $$ SELECT count(*) FROM public.c_members x WHERE x.org_id = org $$;
        ${member(`${definer} ${emptyPath}`, isMember('public.c_peers(m.org_id) > 1'))}`,
      rows,
      predicate,
    },
    {
      name: 'invoker_asks_definer',
      setup: `${guarded} CREATE POLICY own ON c_members USING (user_id = auth.uid());
        CREATE FUNCTION c_peers(org uuid) RETURNS bigint ${definer} ${emptyPath} AS $$ SELECT count(*) FROM public.c_members x WHERE x.org_id = org $$;
        ${member(`${invoker} ${emptyPath}`, isMember('public.c_peers(m.org_id) > 1'))}`,
      rows,
      predicate,
    },
    {
      name: 'current_user_invoker',
      setup: member(`${invoker} ${emptyPath}`, isMember(`current_user = 'authenticated'`)),
      predicate,
    },
    {
      name: 'current_user_definer',
      setup: member(`${definer} ${emptyPath}`, isMember(`current_user <> 'authenticated'`)),
      predicate,
    },
    {
      name: 'current_role_nested',
      setup: `CREATE FUNCTION c_who() RETURNS name ${invoker} ${emptyPath} AS $$ SELECT current_role $$; ${member(`${definer} ${emptyPath}`, isMember(`public.c_who() <> 'authenticated'`))}`,
      predicate,
    },
    {
      name: 'session_user_in_body',
      setup: member(`${definer} ${emptyPath}`, isMember(`session_user <> 'authenticated'`)),
      predicate,
    },
    {
      name: 'has_table_privilege_definer',
      setup: member(`${definer} ${emptyPath}`, isMember(`has_table_privilege('public.members', 'TRUNCATE')`)),
      predicate,
    },
    {
      name: 'has_table_privilege_invoker',
      setup: member(
        `${invoker} ${emptyPath}`,
        isMember(`NOT has_table_privilege('public.members', 'TRUNCATE')`),
      ),
      predicate,
    },
    {
      name: 'has_privilege_of_unknown',
      setup: member(
        `${invoker} ${emptyPath}`,
        isMember(`has_table_privilege(m.role, 'public.members', 'SELECT')`),
      ),
      predicate,
    },
    {
      name: 'pg_has_role_invoker',
      setup: member(`${invoker} ${emptyPath}`, isMember(`pg_has_role('authenticated', 'MEMBER')`)),
      predicate,
    },
    {
      name: 'row_security_active',
      setup: `${guarded} CREATE POLICY own ON c_members USING (true); ${member(`${definer} ${emptyPath}`, isMember(`NOT row_security_active('public.c_members')`))}`,
      rows,
      predicate,
    },
    {
      name: 'forced_on_owner',
      setup: `${guarded} ALTER TABLE c_members FORCE ROW LEVEL SECURITY; CREATE POLICY own ON c_members USING (user_id = auth.uid() AND level > 0); ${member(`${definer} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'forced_on_owner_by_role',
      setup: `${guarded} ALTER TABLE c_members FORCE ROW LEVEL SECURITY; CREATE POLICY own ON c_members TO authenticated USING (true); ${member(`${definer} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'forced_recursive',
      setup: `${guarded} ALTER TABLE c_members FORCE ROW LEVEL SECURITY; CREATE POLICY own ON c_members USING (EXISTS (SELECT FROM c_members x WHERE x.user_id = auth.uid())); ${member(`${definer} ${emptyPath}`, ofMembers)}`,
      rows,
      predicate,
    },
    {
      name: 'keeper_owns_function',
      setup: `${guarded} GRANT SELECT ON c_members TO r_keeper; ${member(`${definer} ${emptyPath}`, ofMembers)} ALTER FUNCTION c_member OWNER TO r_keeper`,
      rows,
      predicate,
    },
    {
      name: 'keeper_owns_nested',
      setup: `${guarded} CREATE POLICY kept ON c_members TO r_keeper USING (is_blocked IS NOT TRUE); GRANT SELECT ON c_members TO r_keeper;
        CREATE FUNCTION c_known(person uuid) RETURNS boolean ${definer} ${emptyPath} AS $$ SELECT EXISTS (SELECT FROM public.c_members x WHERE x.user_id = person AND x.level > 1) $$; ALTER FUNCTION c_known OWNER TO r_keeper;
        ${member(`${definer} ${emptyPath}`, isMember('public.c_known(m.user_id)'))}`,
      rows,
      predicate,
    },
    {
      name: 'keeper_owns_view',
      setup: `${guarded} CREATE POLICY kept ON c_members TO r_keeper USING (is_blocked IS NOT TRUE); GRANT SELECT ON c_members TO r_keeper;
        CREATE VIEW c_kept AS SELECT * FROM c_members; GRANT SELECT ON c_kept TO PUBLIC; ALTER VIEW c_kept OWNER TO r_keeper;
        ${member(`${invoker} ${emptyPath}`, isMember('true', 'public.c_kept'))}`,
      rows,
      predicate,
    },
    {
      name: 'keeper_owns_nothing_of_it',
      setup: `${guarded} CREATE VIEW c_kept AS SELECT * FROM c_members; GRANT SELECT ON c_kept TO PUBLIC; ALTER VIEW c_kept OWNER TO r_keeper; REVOKE ALL ON c_members FROM PUBLIC;
        ${member(`${invoker} ${emptyPath}`, isMember('true', 'public.c_kept'))}`,
      rows,
      predicate,
    },
    {
      name: 'invoker_view',
      setup: `${guarded} CREATE POLICY own ON c_members USING (user_id = auth.uid() AND level > 0); CREATE VIEW c_mine WITH (security_invoker) AS SELECT * FROM c_members; GRANT SELECT ON c_mine TO PUBLIC;
        ${member(`${invoker} ${emptyPath}`, isMember('true', 'public.c_mine'))}`,
      rows,
      predicate,
    },
    {
      name: 'invoker_view_in_definer',
      setup: `${guarded} CREATE POLICY own ON c_members USING (user_id = auth.uid() AND level > 0); CREATE VIEW c_mine WITH (security_invoker) AS SELECT * FROM c_members; GRANT SELECT ON c_mine TO PUBLIC;
        ${member(`${definer} ${emptyPath}`, isMember('true', 'public.c_mine'))}`,
      rows,
      predicate,
    },
    {
      name: 'barrier_view',
      setup: `CREATE VIEW c_open WITH (security_barrier) AS SELECT * FROM members WHERE level > 0; GRANT SELECT ON c_open TO PUBLIC; ${member(`${invoker} ${emptyPath}`, isMember('10 / m.level > 3', 'public.c_open'))}`,
      predicate,
    },
    {
      name: 'view_of_caller',
      setup: `CREATE VIEW c_mine AS SELECT * FROM members WHERE user_id = auth.uid(); GRANT SELECT ON c_mine TO PUBLIC; ${member(`${definer} ${emptyPath}`, isMember('true', 'public.c_mine'))}`,
      predicate,
    },
    {
      name: 'own_table_definer',
      setup: `CREATE FUNCTION c_member(org uuid) RETURNS boolean ${definer} ${emptyPath} AS $$ SELECT EXISTS (SELECT FROM public.c_docs d WHERE d.org_id = org AND d.owner_id = auth.uid()) $$`,
      predicate,
    },
    {
      name: 'own_table_allowed',
      setup: allowed(
        `${definer} ${emptyPath}`,
        'SELECT count(*) > 1 FROM public.c_docs d WHERE d.owner_id = auth.uid()',
      ),
      predicate: 'c_allowed()',
    },
    {
      name: 'own_table_forced',
      setup: `ALTER TABLE c_docs FORCE ROW LEVEL SECURITY; CREATE POLICY "for its owner" ON c_docs TO casaora_owner USING (owner_id = auth.uid()); CREATE FUNCTION c_member(org uuid) RETURNS boolean ${definer} ${emptyPath} AS $$ SELECT EXISTS (SELECT FROM public.c_docs d WHERE d.org_id = org) AND auth.uid() IS NOT NULL $$`,
      predicate,
    },
    {
      name: 'leakproof',
      superuser: 'ALTER FUNCTION c_member(uuid) LEAKPROOF',
      setup: member(`${definer} ${emptyPath}`, isMember()),
      predicate,
      mustRewrite: true,
    },
    {
      name: 'parallel_unsafe',
      setup: member(`${definer} PARALLEL UNSAFE ${emptyPath}`, isMember()),
      predicate,
      mustRewrite: true,
    },
    {
      name: 'parallel_safe',
      setup: member(`${definer} PARALLEL SAFE COST 100000 ${emptyPath}`, isMember()),
      predicate,
      mustRewrite: true,
    },
    {
      name: 'cheap_by_declaration',
      setup: `${allowed(`${plpgsql} COST 0.0001 ${emptyPath}`, `BEGIN IF auth.uid() IS NULL THEN RAISE EXCEPTION 'nobody'; END IF; RETURN true; END`)}`,
      predicate: 'c_allowed()',
    },
  ],
}
