import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { duplicateForeignKey } from '../../../src/rules/tables/duplicateForeignKey.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { expectReversible, findingAbout, operationAbout, subjectsOf } from '../look.ts'

describe('duplicate_foreign_key', () => {
  let database: TestDatabase
  let owner: Client

  beforeAll(async () => {
    database = await createDatabase()
    owner = await database.connect(database.ownerUrl)
    await owner.query(`
      CREATE TABLE parents (a int, b int, c int UNIQUE, PRIMARY KEY (a, b));
      INSERT INTO parents VALUES (1, 1, 1);
      CREATE TABLE "Twins" (x int, y int, z int);
      INSERT INTO "Twins" VALUES (1, 1, 1);
      ALTER TABLE "Twins" ADD CONSTRAINT first FOREIGN KEY (x, y) REFERENCES parents ON DELETE CASCADE DEFERRABLE;
      ALTER TABLE "Twins" ADD CONSTRAINT "it's a twin" FOREIGN KEY (y, x) REFERENCES parents (b, a) ON DELETE CASCADE DEFERRABLE;
      COMMENT ON CONSTRAINT "it's a twin" ON "Twins" IS 'it''s there twice';
      -- Alike, and not the same.
      CREATE TABLE good (x int REFERENCES parents (c), y int REFERENCES parents (c),
        FOREIGN KEY (x, y) REFERENCES parents, FOREIGN KEY (y, x) REFERENCES parents);
      CREATE TABLE parts (x int CONSTRAINT of_parts REFERENCES parents (c), CONSTRAINT of_parts_twin FOREIGN KEY (x) REFERENCES parents (c))
        PARTITION BY RANGE (x);
      CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10);
      CREATE TABLE late (x int CONSTRAINT was_checked REFERENCES parents (c));
      ALTER TABLE late ADD CONSTRAINT aa_unchecked FOREIGN KEY (x) REFERENCES parents (c) NOT VALID;
      CREATE TABLE two_indexes (id int PRIMARY KEY, again int);
      CREATE UNIQUE INDEX ON two_indexes (id);
      CREATE TABLE on_either (x int CONSTRAINT one REFERENCES two_indexes, CONSTRAINT two FOREIGN KEY (x) REFERENCES two_indexes);
      CREATE TABLE deferred (x int CONSTRAINT now REFERENCES parents (c),
        CONSTRAINT later FOREIGN KEY (x) REFERENCES parents (c) DEFERRABLE INITIALLY DEFERRED);
    `)
  })
  afterAll(() => database.drop())

  it('finds keys that tie the same columns, in whatever order, once for all partitions', async () => {
    expect(await subjectsOf(owner, duplicateForeignKey)).toEqual([
      `public."Twins"."it's a twin"`,
      'public.deferred.later',
      'public.late.aa_unchecked',
      'public.on_either.two',
      'public.parts.of_parts_twin',
    ])
  })

  it('drafts the drop of the newer of two that do the same, and adds it again to the letter', async () => {
    const operation = await operationAbout(owner, duplicateForeignKey, 'public', 'Twins', `it's a twin`)
    expect(operation.down.map((statement) => /NOT VALID$|^COMMENT|VALIDATE/.exec(statement)?.[0])).toEqual([
      'NOT VALID',
      'COMMENT',
      'VALIDATE',
    ])
    await expectReversible(owner, operation)
    expect(await subjectsOf(owner, duplicateForeignKey)).not.toContain(`public."Twins"."it's a twin"`)
  })

  it.each([
    { table: 'parts', key: 'of_parts_twin', because: /partitioned/ },
    { table: 'on_either', key: 'two', because: /2 unique indexes/ },
    { table: 'late', key: 'aa_unchecked', because: /enforces the same/ },
    { table: 'deferred', key: 'later', because: /differ in DEFERRABLE/ },
  ])('gives steps, and no migration, for $key of $table', async ({ table, key, because }) => {
    const { remedy } = await findingAbout(owner, duplicateForeignKey, 'public', table, key)
    expect(remedy).toMatchObject({
      kind: 'runbook',
      steps: expect.arrayContaining([expect.stringMatching(because)]) as unknown,
    })
  })

  it('compares which columns ON DELETE sets, and whether the keys are enforced, where the version has that', async () => {
    const { rows } = await owner.query<{ major: number }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS major`,
    )
    const major = rows[0]?.major ?? 0
    const pair = async (one: string, other: string): Promise<string> => {
      await owner.query(`
        CREATE TABLE newer (x int, y int);
        ALTER TABLE newer ADD CONSTRAINT one FOREIGN KEY (x, y) REFERENCES parents ${one};
        ALTER TABLE newer ADD CONSTRAINT two FOREIGN KEY (x, y) REFERENCES parents ${other}`)
      const finding = await findingAbout(owner, duplicateForeignKey, 'public', 'newer', 'two')
      await owner.query(`DROP TABLE newer`)
      return `${finding.remedy.kind}: ${String(finding.evidence[2]?.value)}; ${finding.detail}`
    }
    if (major >= 15) {
      expect(await pair('ON DELETE SET NULL (x)', 'ON DELETE SET NULL (y)')).toMatch(
        /^runbook: ON DELETE; .*SET NULL \(y\) where that says ON DELETE SET NULL \(x\)/,
      )
      expect(await pair('ON DELETE SET NULL (x)', 'ON DELETE SET NULL (x)')).toMatch(/^migration: none/)
    }
    if (major >= 18) {
      expect(await pair('', 'NOT ENFORCED')).toMatch(/^runbook: VALID, ENFORCED/)
      expect(await pair('NOT ENFORCED', 'NOT ENFORCED')).toMatch(/^runbook: none/)
    }
    expect(await pair('', '')).toMatch(/^migration: none/)
  })

  it('drafts nothing where the role does not own the table, or a trigger of the key is disabled', async () => {
    const superuser = await database.connect()
    await superuser.query(`
      CREATE TABLE silenced (x int CONSTRAINT heard REFERENCES parents (c), CONSTRAINT unheard FOREIGN KEY (x) REFERENCES parents (c));
      ALTER TABLE silenced DISABLE TRIGGER ALL`)
    const asOwner = await findingAbout(owner, duplicateForeignKey, 'public', 'silenced', 'unheard')
    expect(asOwner.remedy).toMatchObject({
      kind: 'runbook',
      steps: [expect.stringMatching(/owner/), expect.anything()],
    })
    const asSuperuser = await findingAbout(superuser, duplicateForeignKey, 'public', 'silenced', 'unheard')
    expect(asSuperuser.remedy).toMatchObject({
      kind: 'runbook',
      steps: [expect.stringMatching(/triggers are disabled/), expect.anything()],
    })
    await superuser.query(`DROP TABLE silenced`)
  })

  it.each([
    ['CASCADE', 'NO ACTION'],
    ['NO ACTION', 'CASCADE'],
    ['SET NULL', 'CASCADE'],
    ['CASCADE', 'SET NULL'],
    ['RESTRICT', 'SET NULL'],
    ['NO ACTION DEFERRABLE INITIALLY DEFERRED', 'CASCADE'],
  ])('says which of ON DELETE %s and ON DELETE %s decides, as PostgreSQL does', async (first, second) => {
    await owner.query(`
      DROP TABLE IF EXISTS torn, gone;
      CREATE TABLE gone (id int PRIMARY KEY);
      CREATE TABLE torn (x int);
      ALTER TABLE torn ADD CONSTRAINT zz FOREIGN KEY (x) REFERENCES gone ON DELETE ${first};
      ALTER TABLE torn ADD CONSTRAINT aa FOREIGN KEY (x) REFERENCES gone ON DELETE ${second};
      INSERT INTO gone VALUES (1);
      INSERT INTO torn VALUES (1);`)
    const { detail, remedy } = await findingAbout(owner, duplicateForeignKey, 'public', 'torn', 'aa')
    expect(remedy.kind).toBe('runbook')
    const named = /Today (\w+) decides/.exec(detail)?.[1]

    const outcome = await owner.query('DELETE FROM gone').then(
      async () => {
        const { rows } = await owner.query<{ x: number | null }>('SELECT x FROM torn')
        return rows.length === 0 ? 'CASCADE' : rows[0]?.x === null ? 'SET NULL' : 'nothing'
      },
      () => 'refused',
    )
    const does = (action: string): string => (/^(RESTRICT|NO ACTION)/.test(action) ? 'refused' : action)
    expect(does(named === 'zz' ? first : second)).toBe(outcome)
  })
})
