import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestDatabase } from './database.ts'
import { createDatabase } from './database.ts'
import { fillSchema } from './fillSchema.ts'
import { people } from './sixIdentities.ts'

const schema = `
  CREATE TYPE public.rank AS ENUM ('low', 'high');
  CREATE DOMAIN public.grade AS text CHECK (VALUE IN ('one', 'two'));
  CREATE TABLE public.leaders (id uuid PRIMARY KEY, club_id uuid, name varchar(4) NOT NULL UNIQUE);
  CREATE TABLE public.clubs (id uuid PRIMARY KEY, leader_id uuid NOT NULL REFERENCES public.leaders, rank public.rank NOT NULL,
    size int CHECK (size > 1), ages int4range, names text[] NOT NULL, total int GENERATED ALWAYS AS (size * 2) STORED);
  ALTER TABLE public.leaders ADD FOREIGN KEY (club_id) REFERENCES public.clubs;
  CREATE TABLE public.members (club_id uuid REFERENCES public.clubs, user_id uuid, grade public.grade NOT NULL, post text,
    PRIMARY KEY (club_id, user_id));
  CREATE TABLE public.payments (id bigint GENERATED ALWAYS AS IDENTITY, paid_on date NOT NULL, club_id uuid, user_id uuid,
    FOREIGN KEY (club_id, user_id) REFERENCES public.members, PRIMARY KEY (id, paid_on)) PARTITION BY RANGE (paid_on);
  CREATE TABLE public.payments_of_old PARTITION OF public.payments FOR VALUES FROM ('2000-01-01') TO ('2030-01-01');
  ALTER TABLE public.members ENABLE ROW LEVEL SECURITY;
  CREATE POLICY treasurers ON public.members USING (post IN ('treasurer', 'chair'));
  CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
  CREATE TRIGGER refuse BEFORE INSERT ON public.clubs FOR EACH ROW EXECUTE FUNCTION public.refuse()`

describe('fillSchema', () => {
  const databases: TestDatabase[] = []
  const texts: string[] = []

  const fill = async () => {
    const database = await createDatabase()
    databases.push(database)
    const client = await database.connect()
    await client.query(schema)
    const filled = await fillSchema(client, { people: [...people], rows: 8 })
    const { rows } = await client.query<{ text: string }>(
      `SELECT string_agg(t, E'\\n') AS text FROM (
         SELECT l::text AS t FROM public.leaders l UNION ALL SELECT c::text FROM public.clubs c
         UNION ALL SELECT m::text FROM public.members m UNION ALL SELECT p::text FROM public.payments p) all_rows`,
    )
    texts.push(rows[0]?.text ?? '')
    return { client, filled }
  }
  let first: Awaited<ReturnType<typeof fill>>
  beforeAll(async () => {
    first = await fill()
    await fill()
  })
  afterAll(async () => {
    for (const database of databases) await database.drop()
  })

  const value = async (sql: string) => {
    const { rows } = await first.client.query<{ value: unknown }>(`SELECT (${sql}) AS value`)
    return rows[0]?.value
  }

  it('puts rows into every table, past triggers, checks, domains, rings of foreign keys and partitions', async () => {
    expect(first.filled).toMatchObject({ tables: 4, rows: 32, skipped: new Map() })
    expect(await value('SELECT count(*)::int FROM public.payments_of_old')).toBe(8)
  })

  it('points to rows that are there, in rings of tables too', async () => {
    expect(
      await value(
        'SELECT count(*)::int FROM public.clubs c WHERE NOT EXISTS (SELECT FROM public.leaders l WHERE l.id = c.leader_id)',
      ),
    ).toBe(0)
    expect(await value('SELECT count(*)::int > 0 FROM public.leaders WHERE club_id IS NOT NULL')).toBe(true)
  })

  it('takes the ids of the people, and what policies compare with', async () => {
    expect(
      await value(`SELECT count(*)::int FROM public.members WHERE user_id = ANY ('{${people.join()}}')`),
    ).toBeGreaterThan(4)
    expect(
      await value(`SELECT count(*)::int FROM public.members WHERE post IN ('treasurer', 'chair')`),
    ).toBeGreaterThan(4)
  })

  it('makes up the same rows every time', () => {
    expect(texts[0]).not.toBe('')
    expect(texts[1]).toBe(texts[0])
  })
})
