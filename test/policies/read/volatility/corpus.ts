/** A function `f()` that is declared VOLATILE, with all that it needs. */
export interface VolatileCase {
  name: string
  /** SQL that makes `f()` and changes the world. */
  setup: string
  /** What the refusal names; absent where it may be called once per statement. */
  refused?: RegExp
  /**
   * Why effects need not differ although it is refused: it does so by nature or by chance, or we do not want to rely on
   * when PostgreSQL does it.
   */
  unseen?: string
}

const definer = `SECURITY DEFINER SET search_path = ''`
const sqlOf = (body: string, options = definer) =>
  `CREATE FUNCTION f() RETURNS boolean LANGUAGE sql ${options} AS $f$ ${body} $f$;`
const plpgsqlOf = (body: string, options = definer) =>
  `CREATE FUNCTION f() RETURNS boolean LANGUAGE plpgsql ${options} AS $f$ ${body} $f$;`
const helper = (name: string, returns: string, body: string, options = definer) =>
  `CREATE FUNCTION ${name} RETURNS ${returns} LANGUAGE plpgsql ${options} AS $h$ ${body} $h$;`
const trigger = (when: string, body: string, table = 'docs') =>
  `CREATE FUNCTION on_change() RETURNS trigger LANGUAGE plpgsql ${definer} AS $t$ ${body} $t$;
   CREATE TRIGGER changes ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION on_change();`

const isMember = 'EXISTS (SELECT FROM public.members m WHERE m.person = public.me())'
const hasAdmin = `EXISTS (SELECT FROM public.members m WHERE m.person = public.me() AND m.role = 'admin')`
const hasRoom = '(SELECT count(*) < 8 FROM public.docs)'
const fewAudits = '(SELECT count(*) < 3 FROM public.audit)'
const quota = /reads public\.docs/

/** Only read, and only what no command on `docs` changes. */
export const steady: VolatileCase[] = [
  { name: 'EXISTS in SQL', setup: sqlOf(`SELECT ${hasAdmin}`) },
  {
    name: 'IF in PL/pgSQL',
    setup: plpgsqlOf(`BEGIN IF ${hasAdmin} THEN RETURN true; END IF; RETURN false; END`),
  },
  {
    name: 'BEGIN ATOMIC',
    setup: `CREATE FUNCTION f() RETURNS boolean LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT ${hasAdmin}; END;`,
  },
  {
    name: 'RETURN without BEGIN',
    setup: `CREATE FUNCTION f() RETURNS boolean LANGUAGE sql SECURITY DEFINER RETURN ${isMember};`,
  },
  {
    name: 'a nested function',
    setup: `${helper('inner_f()', 'boolean', `BEGIN RETURN ${hasAdmin}; END`)} ${sqlOf('SELECT public.inner_f()')}`,
  },
  {
    name: 'three levels of functions',
    setup: `${helper('g3()', 'boolean', `BEGIN RETURN ${isMember}; END`)} ${helper('g2()', 'boolean', 'BEGIN RETURN public.g3(); END')}
      ${helper('g1()', 'boolean', 'BEGIN RETURN public.g2(); END')} ${sqlOf('SELECT public.g1()')}`,
  },
  {
    name: 'a view',
    setup: `CREATE VIEW my_teams AS SELECT m.team FROM members m WHERE m.person = me();
      ${sqlOf('SELECT count(*) > 1 FROM public.my_teams')}`,
  },
  {
    name: 'a view on a view with a function',
    setup: `${helper('role_of(who text)', 'text', 'BEGIN RETURN (SELECT min(m.role) FROM public.members m WHERE m.person = who); END')}
      CREATE VIEW people AS SELECT DISTINCT person FROM members;
      CREATE VIEW roles AS SELECT p.person, role_of(p.person) AS role FROM people p;
      ${sqlOf(`SELECT EXISTS (SELECT FROM public.roles r WHERE r.person = public.me() AND r.role = 'admin')`)}`,
  },
  {
    name: 'a loop over a query',
    setup: plpgsqlOf(`DECLARE m record; found_one boolean := false; BEGIN
      FOR m IN SELECT * FROM public.members LOOP found_one := found_one OR (m.person = public.me() AND m.role = 'admin'); END LOOP;
      RETURN found_one; END`),
  },
  {
    name: 'FOREACH and WHILE',
    setup: plpgsqlOf(`DECLARE who text; at int := 0; BEGIN
      FOREACH who IN ARRAY (SELECT array_agg(m.person) FROM public.members m WHERE m.role = 'admin') LOOP
        IF who = public.me() THEN RETURN true; END IF; END LOOP;
      WHILE at < 3 LOOP at := at + 1; CONTINUE WHEN at = 2; END LOOP;
      RETURN at > 5; END`),
  },
  {
    name: 'an exception block',
    setup: plpgsqlOf(`BEGIN BEGIN RETURN ${hasAdmin}; EXCEPTION WHEN OTHERS THEN RETURN false; END; END`),
  },
  {
    name: 'CASE and an integer loop',
    setup: plpgsqlOf(`DECLARE total int := 0; BEGIN
      FOR i IN 1..3 LOOP total := total + (SELECT count(*) FROM public.members m WHERE m.team = i AND m.person = public.me()); END LOOP;
      CASE WHEN total > 1 THEN RETURN true; ELSE RETURN false; END CASE; END`),
  },
  { name: 'the caller alone', setup: sqlOf(`SELECT public.me() = 'ada'`) },
  {
    name: 'a parameter with a default',
    setup: `CREATE FUNCTION f(wanted text DEFAULT NULL) RETURNS boolean LANGUAGE sql ${definer} AS
      $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.person = public.me() AND (m.role = wanted OR wanted IS NULL)) $$;`,
  },
  {
    name: 'a record variable with a value',
    setup: plpgsqlOf(
      `DECLARE mine public.members := (SELECT m FROM public.members m WHERE m.person = public.me() ORDER BY m.team LIMIT 1); BEGIN RETURN mine.role = 'admin'; END`,
    ),
  },
  { name: 'a constant', setup: sqlOf('SELECT 1 < 2') },
  {
    name: 'SELECT INTO a variable',
    setup: plpgsqlOf(
      `DECLARE r text; BEGIN SELECT m.role INTO r FROM public.members m WHERE m.person = public.me() ORDER BY 1 LIMIT 1; RETURN FOUND AND r = 'admin'; END`,
    ),
  },
  { name: 'two statements', setup: sqlOf(`SELECT count(*) FROM public.teams; SELECT ${isMember}`) },
  {
    name: "the caller's rights, with policies",
    setup: `ALTER TABLE members ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON members USING (person = me());
      ${sqlOf(`SELECT EXISTS (SELECT FROM public.members WHERE role = 'admin')`, '')}`,
  },
  {
    name: "the caller's rights, with a policy that calls a VOLATILE function",
    setup: `${helper('sees(who text)', 'boolean', 'BEGIN RETURN who = public.me(); END')}
      ALTER TABLE members ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON members USING (sees(person));
      ${sqlOf('SELECT count(*) > 1 FROM public.members', '')}`,
  },
  {
    name: "an operator of the team's own",
    setup: `${helper('is_role(who text, wanted text)', 'boolean', 'BEGIN RETURN EXISTS (SELECT FROM public.members m WHERE m.person = who AND m.role = wanted); END')}
      CREATE OPERATOR ~> (LEFTARG = text, RIGHTARG = text, FUNCTION = is_role);
      ${sqlOf(`SELECT public.me() OPERATOR(public.~>) 'admin'::text`)}`,
  },
  {
    name: "a cast of the team's own",
    setup: `CREATE TYPE grade AS (value int);
      ${helper('to_grade(t teams)', 'public.grade', 'BEGIN RETURN ROW((SELECT count(*) FROM public.members m WHERE m.team = t.id))::public.grade; END')}
      CREATE CAST (teams AS grade) WITH FUNCTION to_grade(teams);
      ${sqlOf('SELECT ((t.*)::public.grade).value > 0 FROM public.teams t WHERE t.id = 1')}`,
  },
  {
    name: 'a domain with a check',
    setup: `CREATE DOMAIN short AS text CHECK (length(VALUE) < 10); ${sqlOf(`SELECT public.me()::public.short = 'ada'`)}`,
  },
  {
    name: 'WITH',
    setup: sqlOf(
      `WITH mine AS (SELECT m.team FROM public.members m WHERE m.person = public.me()) SELECT count(*) > 1 FROM mine`,
    ),
  },
  {
    name: 'WITH RECURSIVE',
    setup:
      sqlOf(`WITH RECURSIVE above AS (SELECT t.id, t.parent FROM public.teams t JOIN public.members m ON m.team = t.id WHERE m.person = public.me()
      UNION SELECT t.id, t.parent FROM above a JOIN public.teams t ON t.id = a.parent) SELECT count(*) = 2 FROM above`),
  },
  {
    name: 'windows and aggregates',
    setup: sqlOf(
      `SELECT bool_or(rank > 1) FROM (SELECT m.person, rank() OVER (PARTITION BY m.person ORDER BY m.team) FROM public.members m) r WHERE r.person = public.me()`,
    ),
  },
  {
    name: 'JSON claims',
    setup: sqlOf(
      `SELECT coalesce(nullif(current_setting('app.claims', true), '')::jsonb ->> 'role', public.me()) = 'ada'`,
    ),
  },
  {
    name: 'a materialized view',
    setup: `CREATE MATERIALIZED VIEW admins AS SELECT person FROM members WHERE role = 'admin';
      ${sqlOf('SELECT EXISTS (SELECT FROM public.admins a WHERE a.person = public.me())')}`,
  },
  {
    name: 'the time of the transaction',
    setup: sqlOf(`SELECT now() > '2000-01-01' AND current_date > '2000-01-01' AND ${hasAdmin}`),
  },
  {
    name: 'a table with a trigger of its own',
    setup: `${trigger('BEFORE INSERT OR UPDATE OR DELETE', `BEGIN INSERT INTO public.audit (what) VALUES ('member'); RETURN coalesce(NEW, OLD); END`, 'members')} ${sqlOf(`SELECT ${hasAdmin}`)}`,
  },
  {
    name: 'a trigger that only changes the new row',
    setup: `${trigger('BEFORE INSERT OR UPDATE', 'BEGIN NEW.n := NEW.n + 1; RETURN NEW; END')} ${sqlOf(`SELECT ${isMember}`)}`,
  },
  {
    name: 'a trigger that writes another table',
    setup: `${trigger('BEFORE INSERT OR UPDATE OR DELETE', `BEGIN INSERT INTO public.audit (what) VALUES (TG_OP); RETURN coalesce(NEW, OLD); END`)} ${sqlOf(`SELECT ${hasAdmin}`)}`,
  },
  {
    name: 'a trigger that announces',
    setup: `${trigger('AFTER INSERT OR UPDATE OR DELETE', `BEGIN PERFORM pg_notify('docs', 'x'); NOTIFY docs; RETURN NULL; END`)} ${sqlOf(`SELECT ${isMember}`)}`,
  },
  {
    name: 'a cascade to another table',
    setup: `ALTER TABLE notes ADD FOREIGN KEY (doc) REFERENCES docs ON DELETE CASCADE; ${sqlOf(`SELECT ${hasAdmin}`)}`,
  },
  {
    name: 'a partitioned table beside it',
    setup: `CREATE TABLE logins (person text, day int) PARTITION BY RANGE (day); CREATE TABLE logins_1 PARTITION OF logins FOR VALUES FROM (0) TO (9);
      INSERT INTO logins VALUES ('ada', 1); ${sqlOf('SELECT EXISTS (SELECT FROM public.logins l WHERE l.person = public.me())')}`,
  },
  {
    name: 'a row handed to a function by a dot',
    setup: `CREATE FUNCTION is_lead(m members) RETURNS boolean LANGUAGE sql AS $$ SELECT m.role = 'admin' $$;
      ${sqlOf('SELECT bool_or(m.is_lead) FROM public.members m WHERE m.person = public.me()', 'SECURITY DEFINER')}`,
  },
  {
    name: 'privileges',
    setup: sqlOf(
      `SELECT pg_has_role(session_user, 'authenticated', 'USAGE') AND has_table_privilege('public.docs', 'SELECT')`,
    ),
  },
  {
    name: 'LATERAL and unnest',
    setup: sqlOf(
      `SELECT count(*) > 1 FROM public.teams t CROSS JOIN LATERAL (SELECT 1 FROM public.members m WHERE m.team = t.id AND m.person = public.me()) x, unnest(ARRAY[1]) u`,
    ),
  },
  {
    name: 'another function that writes, but in no policy',
    setup: `${helper('join_team()', 'void', `BEGIN INSERT INTO public.members VALUES (1, public.me()); END`)} ${sqlOf(`SELECT ${hasAdmin}`)}`,
  },
]

/** Must be called for every row, or cannot be known to be otherwise. */
export const unsteady: VolatileCase[] = [
  { name: 'a quota', setup: sqlOf(`SELECT ${hasRoom}`), refused: quota },
  {
    name: 'a quota in PL/pgSQL',
    setup: plpgsqlOf(`BEGIN IF ${hasRoom} THEN RETURN true; END IF; RETURN false; END`),
    refused: quota,
  },
  {
    name: 'a quota in BEGIN ATOMIC',
    setup: `CREATE FUNCTION f() RETURNS boolean LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT ${hasRoom}; END;`,
    refused: quota,
  },
  {
    name: 'a quota through a view',
    setup: `CREATE VIEW doc_count AS SELECT count(*) AS total FROM docs; ${sqlOf('SELECT total < 8 FROM public.doc_count')}`,
    refused: /reads public\.docs through the view public\.doc_count/,
  },
  {
    name: 'a quota through a function',
    setup: `${helper('room()', 'boolean', `BEGIN RETURN ${hasRoom}; END`)} ${sqlOf('SELECT public.room()')}`,
    refused: /reads public\.docs through public\.room\(\)/,
  },
  {
    name: 'a quota in a function that is declared STABLE',
    setup: `${helper('room()', 'boolean', `BEGIN RETURN ${hasRoom}; END`, `STABLE ${definer}`)} ${sqlOf('SELECT public.room()')}`,
    refused: quota,
  },
  {
    name: 'a quota in a loop',
    setup: plpgsqlOf(
      'DECLARE d record; total int := 0; BEGIN FOR d IN SELECT 1 FROM public.docs LOOP total := total + 1; END LOOP; RETURN total < 8; END',
    ),
    refused: quota,
  },
  {
    name: 'a quota in an exception block',
    setup: plpgsqlOf(
      `BEGIN BEGIN PERFORM 1 / (8 - least(8, (SELECT count(*) FROM public.docs))); RETURN true; EXCEPTION WHEN division_by_zero THEN RETURN false; END; END`,
    ),
    refused: quota,
  },
  {
    name: 'a quota in CASE',
    setup: sqlOf(`SELECT CASE WHEN public.me() = 'ada' THEN true ELSE ${hasRoom} END`),
    refused: quota,
  },
  {
    name: 'a quota in the second of two statements',
    setup: sqlOf(`SELECT 1; SELECT ${hasRoom}`),
    refused: quota,
  },
  {
    name: 'a quota by the values of rows',
    setup: sqlOf('SELECT max(d.n) < 7 FROM public.docs d'),
    refused: quota,
  },
  {
    name: 'a parent of the table',
    setup: `CREATE TABLE papers (id int); ALTER TABLE docs INHERIT papers; ${sqlOf('SELECT count(*) < 8 FROM public.papers')}`,
    refused: /reads public\.papers.*shows the rows of public\.docs/,
  },
  {
    name: 'a partition of the table',
    setup: `DROP TABLE docs; CREATE TABLE docs (id int PRIMARY KEY DEFAULT nextval('doc_ids'), team int, owner text, n int) PARTITION BY RANGE (id);
      CREATE TABLE docs_low PARTITION OF docs FOR VALUES FROM (0) TO (50); CREATE TABLE docs_high PARTITION OF docs FOR VALUES FROM (50) TO (1000);
      INSERT INTO docs VALUES (1, 1, 'ada', 1), (2, 2, 'ben', 2); ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
      ${sqlOf('SELECT count(*) < 3 FROM public.docs_high')}`,
    refused: /reads public\.docs_high.*inherits from public\.docs/,
  },
  {
    name: 'what a trigger writes',
    setup: `${trigger('BEFORE INSERT OR UPDATE OR DELETE', `BEGIN INSERT INTO public.audit (what) VALUES (TG_OP); RETURN coalesce(NEW, OLD); END`)} ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /reads public\.audit.*the trigger changes on public\.docs/,
  },
  {
    name: 'what a function of a trigger writes',
    setup: `${helper('note_it()', 'void', `BEGIN INSERT INTO public.audit (what) VALUES ('x'); END`)}
      ${trigger('BEFORE INSERT OR UPDATE', 'BEGIN PERFORM public.note_it(); RETURN NEW; END')} ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /reads public\.audit/,
  },
  {
    name: 'what a trigger of a trigger writes',
    setup: `${trigger('BEFORE INSERT OR UPDATE', `BEGIN UPDATE public.notes SET body = body || '!' WHERE id = 1; RETURN NEW; END`)}
      CREATE FUNCTION on_note() RETURNS trigger LANGUAGE plpgsql ${definer} AS $$ BEGIN INSERT INTO public.audit (what) VALUES ('note'); RETURN NULL; END $$;
      CREATE TRIGGER notes_change AFTER UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION on_note(); ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /reads public\.audit/,
  },
  {
    name: 'what a trigger writes by WITH',
    setup: `${trigger('BEFORE INSERT OR UPDATE', `BEGIN WITH gone AS (DELETE FROM public.members WHERE ctid = (SELECT min(ctid) FROM public.members) RETURNING 1) SELECT count(*) INTO NEW.n FROM gone; RETURN NEW; END`)} ${sqlOf('SELECT count(*) > 2 FROM public.members')}`,
    refused: /reads public\.members/,
  },
  {
    name: 'what a trigger writes through a view',
    setup: `CREATE VIEW log AS SELECT what FROM audit;
      ${trigger('BEFORE INSERT OR UPDATE', `BEGIN INSERT INTO public.log VALUES ('x'); RETURN NEW; END`)} ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /reads public\.audit/,
  },
  {
    name: 'what a disabled trigger would write',
    setup: `${trigger('BEFORE INSERT', `BEGIN INSERT INTO public.audit (what) VALUES ('x'); RETURN NEW; END`)} ALTER TABLE docs DISABLE TRIGGER changes; ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /reads public\.audit/,
    unseen: 'somebody may enable it',
  },
  {
    name: 'a trigger with dynamic SQL',
    setup: `${trigger('BEFORE INSERT OR UPDATE', `BEGIN EXECUTE 'INSERT INTO public.audit (what) VALUES (''x'')'; RETURN NEW; END`)} ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /the trigger changes on public\.docs calls public\.on_change\(\), which runs dynamic SQL/,
  },
  {
    name: 'a setting that a trigger changes',
    setup: `${trigger('BEFORE INSERT OR UPDATE', `BEGIN PERFORM set_config('app.seen', (1 + coalesce(nullif(current_setting('app.seen', true), ''), '0')::int)::text, true); RETURN NEW; END`)}
      ${sqlOf(`SELECT coalesce(nullif(current_setting('app.seen', true), ''), '0')::int < 3`)}`,
    refused: /may change a setting: the trigger changes/,
  },
  {
    name: 'what a trigger sets with SET',
    setup: `${trigger('BEFORE INSERT OR UPDATE', `BEGIN IF NEW.id > 102 THEN SET LOCAL app.me = 'cyd'; END IF; RETURN NEW; END`)} ${sqlOf(`SELECT public.me() <> 'cyd'`)}`,
    refused: /may change a setting/,
  },
  {
    name: 'what a foreign key cascades to',
    setup: `ALTER TABLE notes ADD FOREIGN KEY (doc) REFERENCES docs ON DELETE CASCADE; ${sqlOf('SELECT count(*) > 3 FROM public.notes')}`,
    refused: /reads public\.notes.*the foreign key notes_doc_fkey cascades to it from public\.docs/,
    unseen: 'cascades run when the statement ends',
  },
  {
    name: 'what a cascade of a cascade sets to NULL',
    setup: `CREATE TABLE marks (note int REFERENCES notes ON DELETE SET NULL); INSERT INTO marks VALUES (1), (2);
      ALTER TABLE notes ADD FOREIGN KEY (doc) REFERENCES docs ON DELETE CASCADE; ${sqlOf('SELECT count(note) > 1 FROM public.marks')}`,
    refused: /reads public\.marks/,
    unseen: 'cascades run when the statement ends',
  },
  {
    name: 'what a trigger at the end of a cascade writes',
    setup: `CREATE FUNCTION on_note() RETURNS trigger LANGUAGE plpgsql ${definer} AS $$ BEGIN INSERT INTO public.audit (what) VALUES ('note'); RETURN OLD; END $$;
      CREATE TRIGGER notes_gone BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION on_note();
      ALTER TABLE notes ADD FOREIGN KEY (doc) REFERENCES docs ON DELETE CASCADE; ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /reads public\.audit/,
    unseen: 'cascades run when the statement ends',
  },
  {
    name: 'what a trigger deletes, with a cascade',
    setup: `ALTER TABLE notes ADD FOREIGN KEY (doc) REFERENCES docs ON DELETE CASCADE;
      ${trigger('BEFORE UPDATE', 'BEGIN DELETE FROM public.docs WHERE id = NEW.id + 3; RETURN NEW; END')} ${sqlOf('SELECT count(*) > 4 FROM public.notes')}`,
    refused: /reads public\.notes/,
  },
  {
    name: 'what a rule writes',
    setup: `CREATE RULE keep AS ON INSERT TO docs DO ALSO INSERT INTO audit (what) VALUES ('x'); ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /reads public\.audit.*the rule keep on public\.docs/,
    unseen: 'a rule runs before or after the whole statement',
  },
  {
    name: 'what a default writes',
    setup: `${helper('note_it()', 'text', `BEGIN INSERT INTO public.audit (what) VALUES ('x'); RETURN 'x'; END`)}
      ALTER TABLE docs ALTER COLUMN owner SET DEFAULT note_it(); ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /reads public\.audit.*the default of owner on public\.docs/,
  },
  {
    name: 'what a check writes',
    setup: `${helper('note_it(n int)', 'boolean', `BEGIN INSERT INTO public.audit (what) VALUES ('x'); RETURN true; END`)}
      ALTER TABLE docs ADD CONSTRAINT noted CHECK (note_it(n)) NOT VALID; ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /reads public\.audit.*the constraint noted on public\.docs/,
  },
  {
    name: 'what another policy writes',
    setup: `${helper('note_it()', 'boolean', `BEGIN INSERT INTO public.audit (what) VALUES ('x'); RETURN true; END`)}
      CREATE POLICY noted ON docs AS RESTRICTIVE USING (note_it()); ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /reads public\.audit.*a policy of public\.docs/,
  },
  {
    name: 'a table whose policies read this one',
    setup: `ALTER TABLE members ENABLE ROW LEVEL SECURITY;
      CREATE POLICY shown ON members USING ((SELECT count(*) FROM docs d WHERE d.team = members.team) > 0);
      ${sqlOf(`SELECT count(*) > 3 FROM public.members`)}`,
    refused: /reads public\.members.*its policies read public\.docs/,
  },
  {
    name: 'an insert',
    setup: sqlOf(`INSERT INTO public.audit (what) VALUES ('x'); SELECT true`),
    refused: /public\.f\(\) has INSERT/,
  },
  {
    name: 'an insert within WITH',
    setup: sqlOf(
      `WITH made AS (INSERT INTO public.audit (what) VALUES ('x') RETURNING 1) SELECT count(*) = 1 FROM made`,
    ),
    refused: /has INSERT/,
  },
  {
    name: 'an update in PL/pgSQL',
    setup: plpgsqlOf(
      `BEGIN UPDATE public.teams SET is_open = NOT is_open WHERE id = 2; RETURN (SELECT is_open FROM public.teams WHERE id = 2); END`,
    ),
    refused: /has UPDATE/,
  },
  {
    name: 'an insert in an exception block of a nested function',
    setup: `${helper('inner_f()', 'boolean', `BEGIN BEGIN INSERT INTO public.audit (what) VALUES ('x'); EXCEPTION WHEN OTHERS THEN NULL; END; RETURN true; END`)} ${sqlOf('SELECT public.inner_f()')}`,
    refused: /public\.inner_f\(\) has INSERT/,
  },
  {
    name: 'a CALL',
    setup: `CREATE PROCEDURE note_it() LANGUAGE sql SECURITY DEFINER AS $$ INSERT INTO public.audit (what) VALUES ('x') $$; ${plpgsqlOf('BEGIN CALL public.note_it(); RETURN true; END')}`,
    refused: /CALL/,
  },
  {
    name: 'nextval()',
    setup: `CREATE SEQUENCE calls; ${sqlOf(`SELECT nextval('public.calls') < 4`)}`,
    refused: /calls nextval\(\)/,
  },
  {
    name: 'currval()',
    setup: `SELECT nextval('doc_ids'); ${sqlOf(`SELECT currval('public.doc_ids') < 103`)}`,
    refused: /calls currval\(\)/,
  },
  {
    name: 'a sequence that is read',
    setup: sqlOf('SELECT last_value < 103 FROM public.doc_ids'),
    refused: /reads doc_ids/,
  },
  {
    name: 'random()',
    setup: sqlOf('SELECT random() < 0.5'),
    refused: /calls random\(\)/,
    unseen: 'by chance',
  },
  {
    name: 'clock_timestamp()',
    setup: sqlOf('SELECT clock_timestamp() > now()'),
    refused: /calls clock_timestamp\(\)/,
    unseen: 'it only grows',
  },
  {
    name: 'set_config()',
    setup: sqlOf(
      `SELECT set_config('app.calls', (1 + coalesce(nullif(current_setting('app.calls', true), ''), '0')::int)::text, true)::int < 4`,
    ),
    refused: /calls set_config\(\)/,
  },
  {
    name: 'an advisory lock',
    setup: sqlOf('SELECT pg_try_advisory_xact_lock(42)'),
    refused: /pg_try_advisory_xact_lock/,
    unseen: 'one session gets it each time',
  },
  {
    name: 'pg_notify()',
    setup: plpgsqlOf(`BEGIN PERFORM pg_notify('x', 'y'); RETURN true; END`),
    refused: /pg_notify/,
    unseen: 'equal messages are sent once',
  },
  {
    name: 'the transaction',
    setup: sqlOf('SELECT pg_current_xact_id_if_assigned() IS NOT NULL'),
    refused: /shows the state of the system/,
    unseen: 'it is assigned before in this test',
  },
  {
    name: 'the catalog',
    setup: sqlOf(`SELECT reltuples < 100 FROM pg_catalog.pg_class WHERE oid = 'public.docs'::regclass`),
    refused: /reads pg_class/,
    unseen: 'it changes with ANALYZE',
  },
  {
    name: 'dynamic SQL',
    setup: plpgsqlOf(
      `DECLARE total int; BEGIN EXECUTE 'SELECT count(*) FROM public.docs' INTO total; RETURN total < 8; END`,
    ),
    refused: /runs dynamic SQL/,
  },
  {
    name: 'dynamic SQL in a loop',
    setup: plpgsqlOf(
      `DECLARE d record; total int := 0; BEGIN FOR d IN EXECUTE 'SELECT 1 FROM public.docs' LOOP total := total + 1; END LOOP; RETURN total < 8; END`,
    ),
    refused: /dynamic SQL/,
  },
  {
    name: 'a query from text',
    setup: sqlOf(
      `SELECT query_to_xml('SELECT count(*) FROM public.docs HAVING count(*) > 7', true, false, '')::text NOT LIKE '%count%'`,
    ),
    refused: /query_to_xml/,
  },
  {
    name: 'a table as XML',
    setup: sqlOf(`SELECT length(table_to_xml('public.docs', true, false, '')::text) < 900`),
    refused: /table_to_xml/,
  },
  {
    name: 'FOR UPDATE',
    setup: sqlOf(`SELECT true FROM (SELECT 1 FROM public.members FOR UPDATE) m LIMIT 1`),
    refused: /locks rows/,
    unseen: 'locks are not rows',
  },
  {
    name: 'a cursor',
    setup: plpgsqlOf(
      `DECLARE c CURSOR FOR SELECT 1 FROM public.members; n int; BEGIN OPEN c; FETCH c INTO n; CLOSE c; RETURN n = 1; END`,
    ),
    refused: /uses a cursor/,
    unseen: 'cursors that are closed',
  },
  {
    name: 'RAISE NOTICE',
    setup: plpgsqlOf(`BEGIN RAISE NOTICE 'called'; RETURN true; END`),
    refused: /sends a message with RAISE/,
  },
  {
    name: "an operator of the team's own",
    setup: `${helper('fits(a int, b int)', 'boolean', 'BEGIN RETURN (SELECT count(*) FROM public.docs) + a < b; END')}
      CREATE OPERATOR <~ (LEFTARG = int, RIGHTARG = int, FUNCTION = fits); ${sqlOf('SELECT 0 OPERATOR(public.<~) 8')}`,
    refused: quota,
  },
  {
    name: "a cast of the team's own",
    setup: `CREATE TYPE grade AS (value int);
      ${helper('to_grade(t teams)', 'public.grade', 'BEGIN RETURN ROW((SELECT count(*) FROM public.docs))::public.grade; END')}
      CREATE CAST (teams AS grade) WITH FUNCTION to_grade(teams);
      ${sqlOf('SELECT ((t.*)::public.grade).value < 8 FROM public.teams t WHERE t.id = 1')}`,
    refused: /reads public\.docs through the cast to public\.grade/,
  },
  {
    name: 'a domain that counts',
    setup: `${helper('fits(n int)', 'boolean', `BEGIN RETURN ${hasRoom}; END`)} CREATE DOMAIN fitting AS int CHECK (fits(VALUE));
      ${plpgsqlOf('BEGIN BEGIN PERFORM 1::public.fitting; RETURN true; EXCEPTION WHEN check_violation THEN RETURN false; END; END')}`,
    refused: quota,
  },
  {
    name: 'a row handed to a function by a dot',
    setup: `CREATE FUNCTION room(t teams) RETURNS boolean LANGUAGE sql SECURITY DEFINER AS $$ SELECT count(*) < 8 FROM public.docs $$;
      ${sqlOf('SELECT t.room FROM public.teams t WHERE t.id = 1', 'SECURITY DEFINER')}`,
    refused: quota,
  },
  {
    name: 'policies of what it reads',
    setup: `${helper('room()', 'boolean', `BEGIN RETURN ${hasRoom}; END`)} ALTER TABLE members ENABLE ROW LEVEL SECURITY;
      CREATE POLICY shown ON members USING (room()); ${sqlOf('SELECT count(*) > 0 FROM public.members', '')}`,
    refused: /reads public\.docs/,
  },
  {
    name: 'a setting while it runs',
    setup: sqlOf(`SELECT ${isMember}`, `${definer} SET work_mem = '1MB'`),
    refused: /sets work_mem=1MB while it runs/,
    unseen: 'we do not look at what settings do',
  },
  {
    name: 'a sample of rows',
    setup: sqlOf('SELECT count(*) > 2 FROM public.members TABLESAMPLE BERNOULLI (50)'),
    refused: /TABLESAMPLE/,
    unseen: 'by chance',
  },
  {
    name: 'a body that cannot be read',
    setup: `CREATE FUNCTION f() RETURNS boolean LANGUAGE internal AS 'pg_is_in_recovery';`,
    refused: /its body is in internal/,
    unseen: 'we cannot know',
  },
  {
    name: 'a quota in the value of a record variable',
    setup: `CREATE TYPE tally AS (n bigint); ${plpgsqlOf('DECLARE t public.tally := (SELECT ROW(count(*))::public.tally FROM public.docs); BEGIN RETURN t.n < 8; END')}`,
    refused: quota,
  },
  {
    name: 'a quota in the default of a parameter',
    setup: `${helper('total()', 'bigint', 'BEGIN RETURN (SELECT count(*) FROM public.docs); END')}
      CREATE FUNCTION f(n bigint DEFAULT total()) RETURNS boolean LANGUAGE sql AS $$ SELECT n < 8 $$;`,
    refused: quota,
  },
  {
    name: 'a quota in the default of a nested call',
    setup: `${helper('total()', 'bigint', 'BEGIN RETURN (SELECT count(*) FROM public.docs); END')}
      ${helper('fits(most int, n bigint DEFAULT total())', 'boolean', 'BEGIN RETURN n < most; END', '')} ${sqlOf('SELECT public.fits(8)', `SECURITY DEFINER SET search_path = public`)}`,
    refused: quota,
  },
  {
    name: 'what a trigger writes to a record variable',
    setup: `CREATE FUNCTION wrote() RETURNS audit LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$ INSERT INTO public.audit VALUES ('x') RETURNING audit $$;
      ${trigger('BEFORE INSERT OR UPDATE', 'DECLARE a public.audit := public.wrote(); BEGIN RETURN NEW; END')} ${sqlOf(`SELECT ${fewAudits}`)}`,
    refused: /reads public\.audit/,
  },
  {
    name: 'an overload that reads the table',
    setup: `${helper('room(n int)', 'boolean', 'BEGIN RETURN true; END')} ${helper('room(n text)', 'boolean', `BEGIN RETURN ${hasRoom}; END`)} ${sqlOf('SELECT public.room(1)')}`,
    refused: quota,
    unseen: 'the call means the other one',
  },
]
