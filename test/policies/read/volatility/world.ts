/** Documents of teams, whose policy calls `f()`. Everything belongs to a superuser; `authenticated` is the caller. */
export const world = `
  CREATE FUNCTION me() RETURNS text LANGUAGE sql STABLE SET search_path = '' AS $$ SELECT current_setting('app.me', true) $$;
  CREATE TABLE teams (id int PRIMARY KEY, parent int, is_open boolean NOT NULL DEFAULT false);
  CREATE TABLE members (team int NOT NULL, person text NOT NULL, role text NOT NULL DEFAULT 'member');
  CREATE SEQUENCE doc_ids START 100;
  CREATE TABLE docs (id int PRIMARY KEY DEFAULT nextval('doc_ids'), team int, owner text DEFAULT me(), n int DEFAULT 0);
  CREATE TABLE notes (id int PRIMARY KEY, doc int, body text);
  CREATE TABLE audit (what text);
  INSERT INTO teams VALUES (1, NULL, true), (2, 1, false), (3, 2, false);
  INSERT INTO members VALUES (1, 'ada', 'admin'), (2, 'ada', 'member'), (2, 'ben', 'member'), (3, 'ben', 'member'), (3, 'cyd', 'member');
  INSERT INTO docs SELECT d, 1 + d % 3, (ARRAY['ada', 'ben'])[1 + d % 2], d FROM generate_series(1, 6) d;
  INSERT INTO notes SELECT n, n, 'note' FROM generate_series(1, 6) n;
  ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
`

export const grants = `
  GRANT USAGE ON SCHEMA public TO authenticated;
  GRANT ALL ON ALL TABLES IN SCHEMA public TO authenticated;
  GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO authenticated;
`

/** Every kind of command that a policy of `docs` judges; `MERGE` for PostgreSQL 15 and later. */
export const commands: Record<string, string> = {
  select: 'SELECT * FROM docs ORDER BY id',
  'insert of many rows':
    'INSERT INTO docs (id, team) SELECT 100 + d, 1 FROM generate_series(1, 5) d RETURNING id',
  'insert with defaults': 'INSERT INTO docs (team) SELECT 1 FROM generate_series(1, 5)',
  'insert of values': 'INSERT INTO docs (id, team) VALUES (101, 1), (102, 2), (103, 3), (104, 1)',
  'insert from select': 'INSERT INTO docs (id, team) SELECT 100 + id, team FROM docs',
  'on conflict': `INSERT INTO docs (id, team) SELECT d, 1 FROM generate_series(4, 10) d
    ON CONFLICT (id) DO UPDATE SET n = docs.n + 100 RETURNING id, n`,
  update: 'UPDATE docs SET n = n + 1 RETURNING id, n',
  'update of some': 'UPDATE docs SET team = 2 WHERE n > 2',
  delete: 'DELETE FROM docs RETURNING id',
  merge: `MERGE INTO docs USING (SELECT d FROM generate_series(3, 10) d) s ON docs.id = s.d
    WHEN MATCHED AND d = 3 THEN DELETE WHEN MATCHED THEN UPDATE SET n = -1
    WHEN NOT MATCHED THEN INSERT (id, team) VALUES (s.d, 2)`,
  'copy from': 'COPY docs FROM STDIN',
  'copy to': 'COPY docs TO STDOUT',
  'data-modifying with': `WITH made AS (INSERT INTO docs (id, team) SELECT 200 + d, 3 FROM generate_series(1, 3) d RETURNING id),
    gone AS (DELETE FROM docs WHERE id = 6 RETURNING id)
    SELECT (SELECT count(*) FROM made), (SELECT count(*) FROM gone), (SELECT count(*) FROM docs)`,
  'of another table': 'DELETE FROM members RETURNING team, person',
}
