import type { BodyGroup } from './bodyCase.ts'
import { allowed, definer, emptyPath, isMember, member } from './member.ts'

const predicate = 'c_member(org_id)'

/** What a function is declared to be, and what it does all the same. */
export const volatility: BodyGroup = {
  name: 'volatility',
  cases: [
    {
      name: 'volatile_by_omission',
      setup: member(`LANGUAGE sql SECURITY DEFINER ${emptyPath}`, isMember()),
      predicate,
    },
    {
      name: 'volatile_quota',
      setup: allowed(
        `LANGUAGE sql SECURITY DEFINER ${emptyPath}`,
        'SELECT count(*) < 4 FROM public.c_docs d WHERE d.owner_id = auth.uid()',
      ),
      predicate: 'c_allowed()',
    },
    {
      name: 'volatile_writes',
      setup: `CREATE TABLE c_log (at timestamptz DEFAULT now()); ${allowed(`LANGUAGE plpgsql SECURITY DEFINER ${emptyPath}`, 'BEGIN INSERT INTO public.c_log DEFAULT VALUES; RETURN (SELECT count(*) < 5 FROM public.c_log); END')}`,
      predicate: 'c_allowed()',
    },
    {
      name: 'stable_writes',
      setup: `CREATE TABLE c_log (at timestamptz DEFAULT now()); ${allowed(`LANGUAGE plpgsql STABLE SECURITY DEFINER ${emptyPath}`, 'BEGIN INSERT INTO public.c_log DEFAULT VALUES; RETURN true; END')}`,
      predicate: 'c_allowed()',
    },
    {
      name: 'stable_counts_up',
      setup: `CREATE SEQUENCE c_seen; ${allowed(`LANGUAGE sql STABLE SECURITY DEFINER ${emptyPath}`, `SELECT nextval('public.c_seen') > 0`)}`,
      predicate: 'c_allowed()',
    },
    {
      name: 'stable_random',
      setup: allowed(`LANGUAGE sql STABLE ${emptyPath}`, 'SELECT random() >= 0'),
      predicate: 'c_allowed()',
    },
    {
      name: 'stable_calls_writer',
      setup: `CREATE TABLE c_log (at timestamptz DEFAULT now()); CREATE FUNCTION c_note() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER ${emptyPath} AS $$ BEGIN INSERT INTO public.c_log DEFAULT VALUES; RETURN (SELECT count(*) < 5 FROM public.c_log); END $$; ${allowed(`LANGUAGE sql STABLE ${emptyPath}`, 'SELECT public.c_note()')}`,
      predicate: 'c_allowed()',
    },
    {
      name: 'member_calls_volatile',
      setup: `CREATE FUNCTION c_any() RETURNS boolean LANGUAGE plpgsql ${emptyPath} AS $$ BEGIN RETURN true; END $$; ${member(`${definer} ${emptyPath}`, isMember('public.c_any()'))}`,
      predicate,
    },
    {
      name: 'member_tries_lock',
      setup: member(`${definer} ${emptyPath}`, isMember('pg_try_advisory_xact_lock_shared(42)')),
      predicate,
    },
    {
      name: 'member_sets',
      setup: member(`${definer} ${emptyPath}`, isMember(`set_config('app.seen', 'yes', true) = 'yes'`)),
      predicate,
    },
    {
      name: 'immutable_lie',
      setup: member(`LANGUAGE sql IMMUTABLE SECURITY DEFINER ${emptyPath}`, isMember()),
      predicate,
    },
    {
      name: 'immutable_allowed',
      setup: allowed(
        `LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER ${emptyPath}`,
        'BEGIN RETURN auth.uid() IS NOT NULL; END',
      ),
      predicate: 'c_allowed()',
    },
    {
      name: 'immutable_nested',
      setup: `CREATE FUNCTION c_who() RETURNS uuid LANGUAGE plpgsql IMMUTABLE ${emptyPath} AS $$ BEGIN RETURN auth.uid(); END $$; ${member(`${definer} ${emptyPath}`, 'SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = public.c_who())')}`,
      predicate,
    },
    {
      name: 'stable_quota',
      setup: allowed(
        `LANGUAGE sql STABLE SECURITY DEFINER ${emptyPath}`,
        'SELECT count(*) < 4 FROM public.c_docs d WHERE d.owner_id = auth.uid()',
      ),
      predicate: 'c_allowed()',
      mustRewrite: true,
    },
    {
      name: 'stable_by_row',
      setup: `CREATE FUNCTION c_first(number int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER ${emptyPath} AS $$ SELECT number <= (SELECT min(d.id) + 2 FROM public.c_docs d WHERE d.owner_id = auth.uid()) $$`,
      predicate: 'c_first(id)',
    },
    {
      name: 'stable_clock',
      setup: member(`${definer} ${emptyPath}`, isMember('clock_timestamp() > now()')),
      predicate,
    },
    {
      name: 'stable_transaction',
      setup: member(`${definer} ${emptyPath}`, isMember('pg_current_xact_id_if_assigned() IS NULL OR true')),
      predicate,
    },
  ],
}
