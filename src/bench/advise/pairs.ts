import type { PlannedStatement } from '../../advisor/plannedStatement.ts'

/** An index on the tables of library.sql, and statements that may use it. */
export interface IndexedStatements {
  /** What follows the name in CREATE INDEX. */
  definition: string
  /** As superuser, who sees every row. */
  statements: string[]
  /** Those sent as a user, so that policies count. */
  behindPolicies?: string[]
}

/** Every access method that comes with PostgreSQL; partial indexes, expressions, INCLUDE, mixed order among them. */
export const indexedStatements: IndexedStatements[] = [
  {
    definition: 'ON items (org, made DESC)',
    statements: [
      'SELECT * FROM items WHERE org = 7 ORDER BY made DESC LIMIT 10',
      'SELECT count(*) FROM items WHERE org = 7',
      'SELECT o.name, max(i.made) FROM orgs o JOIN items i ON i.org = o.id WHERE o.id = 9 GROUP BY 1',
    ],
    behindPolicies: ['SELECT * FROM items WHERE org = 7 ORDER BY made DESC LIMIT 10'],
  },
  {
    definition: 'ON items (member) INCLUDE (code)',
    statements: [
      `SELECT member, code FROM items WHERE member = '00000000-0000-0000-0000-000000000007'`,
      `SELECT * FROM items WHERE member = '00000000-0000-0000-0000-000000000007' AND flag`,
    ],
    behindPolicies: [
      'SELECT id, status, made FROM items ORDER BY made DESC LIMIT 5',
      'SELECT member, code FROM items',
      `SELECT count(*) FROM items WHERE status = 'open'`,
    ],
  },
  {
    definition: 'ON items (member, made DESC)',
    statements: [
      `SELECT * FROM items WHERE member = '00000000-0000-0000-0000-000000000007' ORDER BY made DESC LIMIT 3`,
    ],
    behindPolicies: [
      'SELECT * FROM items ORDER BY made DESC LIMIT 3',
      `SELECT * FROM items WHERE made > '2026-01-05' ORDER BY made DESC LIMIT 3`,
    ],
  },
  {
    definition: `ON items (made) WHERE status = 'open'`,
    statements: [
      `SELECT * FROM items WHERE status = 'open' ORDER BY made LIMIT 5`,
      `SELECT * FROM items WHERE status = 'open' AND made > '2026-01-14'`,
    ],
    behindPolicies: [`SELECT * FROM items WHERE status = 'open' ORDER BY made LIMIT 5`],
  },
  {
    definition: 'ON items (made, price)',
    statements: [
      `SELECT * FROM items WHERE made > '2026-01-05' AND made < '2026-01-06' AND price > 40`,
      `SELECT made, price FROM items WHERE made > '2026-01-10'`,
      `SELECT * FROM items WHERE (made, price) > ('2026-01-10', 10) ORDER BY made, price LIMIT 10`,
    ],
  },
  {
    definition: 'ON items (code, status, made)',
    statements: [
      `SELECT * FROM items WHERE code = 'c7' AND status = 'done'`,
      `SELECT * FROM items WHERE code IN ('c7', 'c8', 'c9') AND status = 'open'`,
      `SELECT code, status, made FROM items WHERE code = 'c7'`,
    ],
  },
  {
    definition: 'ON items (lower(mail))',
    statements: [
      `SELECT * FROM items WHERE lower(mail) = 'u7@x.org'`,
      `SELECT count(*) FROM items WHERE lower(mail) IN ('u7@x.org', 'u8@x.org', 'u99@x.org')`,
    ],
  },
  {
    definition: `ON items ((doc ->> 'name'))`,
    statements: [`SELECT * FROM items WHERE doc ->> 'name' = 'n77'`],
  },
  {
    definition: `ON visits_1 (at)`,
    statements: [`SELECT * FROM visits WHERE at = '2026-03-03'`],
  },
  {
    definition: `ON visits_1 (page, at)`,
    statements: [
      `SELECT * FROM visits WHERE page = 'v7' AND at < '2026-06-01' ORDER BY at LIMIT 5`,
      `SELECT * FROM visits WHERE page = 'v7'`,
    ],
  },
  {
    definition: 'ON people (org)',
    statements: [
      'SELECT * FROM people WHERE org = 77',
      'SELECT count(*) FROM people WHERE org = 1',
      'SELECT o.name, count(*) FROM orgs o JOIN people p ON p.org = o.id WHERE o.id < 20 GROUP BY 1',
    ],
    behindPolicies: [
      'SELECT * FROM people',
      'SELECT count(*) FROM people WHERE level = 2',
      `SELECT * FROM people WHERE city = 'City 7'`,
    ],
  },
  {
    definition: 'ON people (org, score DESC)',
    statements: ['SELECT * FROM people WHERE org = 33 ORDER BY score DESC LIMIT 5'],
    behindPolicies: [
      'SELECT * FROM people ORDER BY score DESC LIMIT 5',
      'SELECT * FROM people WHERE score > 95 ORDER BY score DESC',
    ],
  },
  {
    definition: 'ON people (org) INCLUDE (score, level)',
    statements: ['SELECT org, avg(score) FROM people WHERE org < 50 GROUP BY org'],
    behindPolicies: ['SELECT avg(score) FROM people', 'SELECT level, count(*) FROM people GROUP BY level'],
  },
  {
    definition: `ON people (org, seen) WHERE level = 4`,
    statements: ['SELECT * FROM people WHERE org = 5 AND level = 4 ORDER BY seen LIMIT 5'],
    behindPolicies: [
      'SELECT * FROM people WHERE level = 4 ORDER BY seen LIMIT 5',
      'SELECT count(*) FROM people WHERE level = 4',
    ],
  },
  {
    definition: 'ON people (token)',
    statements: [
      `SELECT * FROM people WHERE token = md5('77')::uuid`,
      `SELECT * FROM people WHERE token IN (md5('7')::uuid, md5('8')::uuid)`,
    ],
    behindPolicies: [`SELECT * FROM people WHERE token = md5('77')::uuid`],
  },
  {
    definition: 'ON people (email)',
    statements: [
      `SELECT * FROM people WHERE email = 'User77@x.org'`,
      `SELECT email FROM people ORDER BY email LIMIT 50`,
    ],
    behindPolicies: [`SELECT * FROM people WHERE email = 'User77@x.org'`],
  },
  {
    definition: 'ON people (city, score)',
    statements: [
      `SELECT * FROM people WHERE city = 'City 0' AND score > 99`,
      `SELECT * FROM people WHERE city = 'City 150' AND score > 20`,
      `SELECT city, score FROM people WHERE city = 'City 17'`,
    ],
    behindPolicies: [`SELECT * FROM people WHERE city = 'City 150' AND score > 20`],
  },
  {
    definition: 'ON people (score DESC, born ASC)',
    statements: [
      'SELECT * FROM people ORDER BY score DESC, born LIMIT 20',
      'SELECT * FROM people WHERE score > 99.5',
    ],
    behindPolicies: ['SELECT * FROM people ORDER BY score DESC, born LIMIT 20'],
  },
  {
    definition: 'ON people (seen DESC NULLS LAST)',
    statements: [
      'SELECT id, seen FROM people ORDER BY seen DESC NULLS LAST LIMIT 10',
      `SELECT * FROM people WHERE seen > '2026-10-25'`,
    ],
  },
  {
    definition: 'ON people (note)',
    statements: [
      `SELECT * FROM people WHERE note = 'Note 7'`,
      'SELECT count(*) FROM people WHERE note IS NOT NULL',
    ],
  },
  {
    definition: 'ON people (born) WHERE note IS NULL',
    statements: [
      `SELECT * FROM people WHERE note IS NULL AND born > '2004-01-01'`,
      `SELECT count(*) FROM people WHERE note IS NULL AND born < '1951-01-01'`,
    ],
  },
  {
    definition: 'ON people (id) WHERE active',
    statements: [
      'SELECT * FROM people WHERE active AND id > 19000',
      'SELECT count(*) FROM people WHERE active',
    ],
  },
  {
    definition: 'ON people (joined)',
    statements: [
      `SELECT * FROM people WHERE joined > '2025-06-01'`,
      `SELECT * FROM people WHERE joined BETWEEN '2024-03-01' AND '2024-03-03'`,
      'SELECT * FROM people ORDER BY joined DESC LIMIT 20',
    ],
    behindPolicies: [`SELECT * FROM people WHERE joined > '2025-06-01'`],
  },
  {
    definition: 'ON people (level, country)',
    statements: [
      `SELECT * FROM people WHERE level = 5 AND country = 'YX'`,
      `SELECT count(*) FROM people WHERE level = 5`,
    ],
  },
  {
    definition: 'ON people (lower(email))',
    statements: [
      `SELECT * FROM people WHERE lower(email) = 'user77@x.org'`,
      `SELECT * FROM people WHERE lower(email) LIKE 'user1234%'`,
      `SELECT * FROM people p JOIN items i ON lower(p.email) = i.mail WHERE i.id = 77`,
    ],
    behindPolicies: [`SELECT * FROM people WHERE lower(email) = 'user77@x.org'`],
  },
  {
    definition: 'ON people (lower(name))',
    statements: [
      `SELECT * FROM people WHERE lower(name) = 'ana d7322ed'`,
      'SELECT * FROM people ORDER BY lower(name) LIMIT 5',
    ],
  },
  {
    definition: 'ON people (upper(city))',
    statements: [
      `SELECT * FROM people WHERE upper(city) = 'CITY 0' AND level = 5`,
      `SELECT * FROM people WHERE upper(city) = 'CITY 77'`,
      'SELECT upper(city), count(*) FROM people GROUP BY 1',
    ],
  },
  {
    definition: `ON people ((profile ->> 'email'))`,
    statements: [`SELECT * FROM people WHERE profile ->> 'email' = 'user77@x.org'`],
  },
  {
    definition: `ON people ((profile ->> 'kind'))`,
    statements: [
      `SELECT * FROM people WHERE profile ->> 'kind' = 'k29'`,
      `SELECT count(*) FROM people WHERE profile ->> 'kind' = 'k0'`,
    ],
  },
  {
    definition: `ON people (((profile ->> 'age')::int))`,
    statements: [
      `SELECT * FROM people WHERE (profile ->> 'age')::int > 78`,
      `SELECT * FROM people WHERE (profile ->> 'age')::int = 20`,
    ],
  },
  {
    definition: `ON people (date_trunc('month', born::timestamp))`,
    statements: [
      `SELECT * FROM people WHERE date_trunc('month', born::timestamp) = '1990-05-01'`,
      `SELECT * FROM people WHERE date_trunc('month', born::timestamp) < '1951-01-01'`,
    ],
  },
  {
    definition: `ON people ((date_part('year', born)))`,
    statements: [
      `SELECT * FROM people WHERE date_part('year', born) = 1999`,
      `SELECT date_part('year', born), count(*) FROM people GROUP BY 1`,
    ],
  },
  {
    definition: `ON people ((joined AT TIME ZONE 'UTC'))`,
    statements: [`SELECT * FROM people WHERE joined AT TIME ZONE 'UTC' > '2025-07-01'`],
  },
  {
    definition: `ON people (split_part(email, '@', 2), score)`,
    statements: [
      `SELECT * FROM people WHERE split_part(email, '@', 2) = 'x.org' AND score > 99`,
      `SELECT * FROM people WHERE split_part(email, '@', 2) = 'nowhere.net'`,
    ],
  },
  {
    definition: 'ON people ((score / 10))',
    statements: ['SELECT * FROM people WHERE score / 10 > 9.9'],
  },
  {
    definition: `ON people (coalesce(note, 'none'))`,
    statements: [
      `SELECT * FROM people WHERE coalesce(note, 'none') = 'Note 7'`,
      `SELECT count(*) FROM people WHERE coalesce(note, 'none') = 'none'`,
    ],
  },
  {
    definition: 'ON people (substr(phone, 1, 6)) WHERE level > 2',
    statements: [`SELECT * FROM people WHERE level > 2 AND substr(phone, 1, 6) = '+57000'`],
  },
  {
    definition: 'ON items USING hash (code)',
    statements: [
      `SELECT * FROM items WHERE code = 'c7'`,
      `SELECT count(*) FROM items WHERE code = 'c7' AND flag`,
    ],
  },
  {
    definition: 'ON people USING hash (token)',
    statements: [
      `SELECT * FROM people WHERE token = md5('77')::uuid`,
      `SELECT p.* FROM people p JOIN items i ON i.member = p.token WHERE i.id < 10`,
    ],
    behindPolicies: [`SELECT * FROM people WHERE token = md5('77')::uuid`],
  },
  {
    definition: 'ON people USING hash (email)',
    statements: [`SELECT * FROM people WHERE email = 'User77@x.org'`],
  },
  {
    definition: 'ON people USING hash (org)',
    statements: ['SELECT * FROM people WHERE org = 77', 'SELECT count(*) FROM people WHERE org = 0'],
    behindPolicies: ['SELECT * FROM people', 'SELECT * FROM people WHERE level = 2'],
  },
  {
    definition: 'ON people USING hash (lower(email))',
    statements: [`SELECT * FROM people WHERE lower(email) = 'user77@x.org'`],
  },
  {
    definition: 'ON items USING gin (tags)',
    statements: [
      `SELECT * FROM items WHERE tags @> ARRAY['t5']`,
      `SELECT * FROM items WHERE tags @> ARRAY['t55', 't6']`,
      `SELECT count(*) FROM items WHERE tags && ARRAY['t88', 't89']`,
    ],
  },
  {
    definition: 'ON items USING gin (doc jsonb_path_ops)',
    statements: [
      `SELECT * FROM items WHERE doc @> '{"k": 3}'`,
      `SELECT * FROM items WHERE doc @> '{"name": "n77"}'`,
    ],
  },
  {
    definition: 'ON items USING gin (doc)',
    statements: [`SELECT * FROM items WHERE doc @> '{"k": 3}'`, `SELECT * FROM items WHERE doc ? 'nothing'`],
  },
  {
    definition: 'ON items USING gin (words)',
    statements: [
      `SELECT * FROM items WHERE words @@ to_tsquery('english', 'word7')`,
      `SELECT count(*) FROM items WHERE words @@ to_tsquery('english', 'word7 & word107')`,
    ],
  },
  {
    definition: `ON items USING gin (to_tsvector('simple', code))`,
    statements: [`SELECT * FROM items WHERE to_tsvector('simple', code) @@ to_tsquery('simple', 'c7')`],
  },
  {
    definition: 'ON people USING gin (labels)',
    statements: [
      `SELECT * FROM people WHERE labels @> ARRAY['l100']`,
      `SELECT * FROM people WHERE labels @> ARRAY['l1', 'l2']`,
    ],
    behindPolicies: [`SELECT * FROM people WHERE labels @> ARRAY['l100']`],
  },
  {
    definition: 'ON people USING gin (roles)',
    statements: [
      'SELECT * FROM people WHERE roles @> ARRAY[7, 33]',
      'SELECT * FROM people WHERE roles && ARRAY[39, 40]',
    ],
  },
  {
    definition: 'ON people USING gin (profile)',
    statements: [
      `SELECT * FROM people WHERE profile @> '{"kind": "k29"}'`,
      `SELECT * FROM people WHERE profile @> '{"plan": "pro", "age": 3}'`,
    ],
  },
  {
    definition: 'ON people USING gin (profile jsonb_path_ops)',
    statements: [
      `SELECT * FROM people WHERE profile @> '{"kind": "k29"}'`,
      `SELECT count(*) FROM people WHERE profile @> '{"email": "user7@x.org"}'`,
    ],
  },
  {
    definition: 'ON people USING gin (name gin_trgm_ops)',
    statements: [
      `SELECT * FROM people WHERE name ILIKE '%d7322ed%'`,
      `SELECT * FROM people WHERE name ILIKE '%8f14%' ORDER BY name LIMIT 10`,
    ],
    behindPolicies: [`SELECT * FROM people WHERE name ILIKE '%d7322ed%'`],
  },
  {
    definition: 'ON people USING gin (bio gin_trgm_ops)',
    statements: [`SELECT * FROM people WHERE bio LIKE '%gardenpainting%'`],
  },
  {
    definition: `ON people USING gin (to_tsvector('simple', bio))`,
    statements: [`SELECT * FROM people WHERE to_tsvector('simple', bio) @@ to_tsquery('simple', 'punctual')`],
  },
  {
    definition: `ON people USING gin (labels) WHERE active`,
    statements: [`SELECT * FROM people WHERE active AND labels @> ARRAY['l50']`],
  },
  {
    definition: 'ON items USING gist (during)',
    statements: [
      `SELECT * FROM items WHERE during && tstzrange('2026-01-05', '2026-01-06')`,
      `SELECT * FROM items WHERE during @> '2026-01-07'::timestamptz`,
    ],
  },
  {
    definition: 'ON people USING gist (stay)',
    statements: [
      `SELECT * FROM people WHERE stay && daterange('2026-03-01', '2026-03-02')`,
      `SELECT * FROM people WHERE stay @> '2026-10-28'::date`,
      `SELECT * FROM people WHERE stay <@ daterange('2026-05-01', '2026-05-04')`,
    ],
  },
  {
    definition: 'ON people USING gist (spot)',
    statements: [
      `SELECT * FROM people WHERE spot <@ box '((1,1),(9,9))'`,
      `SELECT * FROM people ORDER BY spot <-> point '(50,50)' LIMIT 5`,
    ],
  },
  {
    definition: 'ON people USING gist (name gist_trgm_ops)',
    statements: [`SELECT * FROM people WHERE name ILIKE '%d7322ed%'`],
  },
  {
    definition: 'ON people USING gist (address inet_ops)',
    statements: [`SELECT * FROM people WHERE address << '10.3.7.0/24'`],
  },
  {
    definition: 'ON items USING spgist (place)',
    statements: [`SELECT * FROM items WHERE place <@ box '((1,1),(3,3))'`],
  },
  {
    definition: 'ON people USING spgist (spot)',
    statements: [
      `SELECT * FROM people WHERE spot <@ box '((1,1),(9,9))'`,
      `SELECT * FROM people ORDER BY spot <-> point '(50,50)' LIMIT 5`,
    ],
  },
  {
    definition: 'ON people USING spgist (stay)',
    statements: [`SELECT * FROM people WHERE stay && daterange('2026-03-01', '2026-03-02')`],
  },
  {
    definition: 'ON people USING spgist (email)',
    statements: [
      `SELECT * FROM people WHERE email = 'User77@x.org'`,
      `SELECT * FROM people WHERE email ^@ 'User123'`,
    ],
  },
  {
    definition: 'ON people USING spgist (address)',
    statements: [`SELECT * FROM people WHERE address << '10.3.7.0/24'`],
  },
  {
    definition: 'ON items USING brin (made)',
    statements: [
      `SELECT * FROM items WHERE made > '2026-01-05' AND made < '2026-01-06'`,
      `SELECT count(*) FROM items WHERE made > '2026-01-14'`,
    ],
  },
  {
    definition: 'ON items USING brin (made) WITH (pages_per_range = 16)',
    statements: [`SELECT * FROM items WHERE made > '2026-01-05' AND made < '2026-01-06'`],
  },
  {
    definition: 'ON people USING brin (joined) WITH (pages_per_range = 8)',
    statements: [
      `SELECT * FROM people WHERE joined BETWEEN '2024-03-01' AND '2024-03-03'`,
      `SELECT * FROM people WHERE joined > '2025-06-01'`,
    ],
    behindPolicies: [`SELECT * FROM people WHERE joined > '2025-07-01'`],
  },
  {
    definition: 'ON people USING brin (id, joined) WITH (pages_per_range = 32)',
    statements: ['SELECT * FROM people WHERE id BETWEEN 5000 AND 5100'],
  },
]

/** Of the one who sends what is behind policies; the row of `people` has its organisation. */
const claims = { sub: '00000000-0000-0000-0000-000000000007', org: '77', role: 'anon' }

/** A statement of library.sql's tables as it is planned. */
export function statementOf(sql: string, behindPolicies: boolean): PlannedStatement {
  return {
    name: sql,
    sql,
    line: 1,
    calls: 1,
    types: [],
    args: [[]],
    role: behindPolicies ? 'anon' : undefined,
    claims: behindPolicies ? claims : undefined,
  }
}
