import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { borrow } from '../../../../src/postgres/database.ts'
import { quote } from '../../../../src/postgres/identifiers.ts'
import { listCalledFunctions } from '../../../../src/policies/proof/bodies.ts'
import type { Facts } from '../../../../src/policies/proof/formula/facts.ts'
import { equivalenceScript } from '../../../../src/policies/proof/formula/script.ts'
import type { Answer } from '../../../../src/policies/proof/formula/solver.ts'
import { askSolver, solvers } from '../../../../src/policies/proof/formula/solver.ts'
import { mutantsOf } from '../../../../src/policies/proof/mutants.ts'
import { readStructure } from '../../../../src/policies/proof/structure.ts'
import { columnsOfRelations, findSubject } from '../../../../src/policies/proof/subject.ts'
import { parseExpression } from '../../../../src/syntax/expression.ts'
import type { Node } from '../../../../src/syntax/nodes.ts'
import { relationsIn } from '../../../../src/syntax/relations.ts'
import type { TestDatabase } from '../../../support/database.ts'
import { createDatabase } from '../../../support/database.ts'
import { callers, fillWorld, predicates, zoo } from './zoo.ts'

const items = { schema: 'public', name: 'items' }
/** All with FAULTS=all, which takes minutes; else some of each kind. */
const isThorough = process.env['FAULTS'] === 'all'
const worlds = isThorough ? 24 : 6
const mostMutants = isThorough ? 12 : 1
const mostPairs = isThorough ? 1_500 : 60

/** A predicate with what PostgreSQL said of every row of every world, for everybody. */
interface Judged {
  text: string
  tree: Node
  /** A mutant of this predicate. */
  of: number
  says: string
}

describe('a proof by a solver', () => {
  let database: TestDatabase
  let client: Client
  let facts: Facts
  const right: Judged[] = []
  const wrong: Judged[] = []

  beforeAll(async () => {
    database = await createDatabase()
    client = await database.connect()
    await client.query(`SET check_function_bodies = off; ${zoo}`)
    const texts = await printed(client, predicates)
    for (const [of, text] of texts.entries())
      right.push({ text, tree: await parseExpression(text), of, says: '' })
    const db = borrow(client)
    const subject = await findSubject(db, items)
    if (!subject) throw new Error('There is no table items.')
    const trees = right.map(({ tree }) => tree)
    const context = {
      table: 'items',
      columns: subject.columns,
      others: await columnsOfRelations(
        db,
        trees.flatMap((tree) => relationsIn(tree).map(({ name }) => ({ schema: 'public', name }))),
      ),
      functions: await listCalledFunctions(db, trees),
      frozen: new Map<string, Node>(),
    }
    for (const { tree, of } of right) {
      for (const mutant of mutantsOf(tree, context, { most: mostMutants }))
        wrong.push({ text: mutant.text, tree: mutant.tree, of, says: '' })
    }
    facts = (await readStructure(db, subject, [...trees, ...wrong.map(({ tree }) => tree)])).facts
    await judge(client, [...right, ...wrong])
  }, 600_000)
  afterAll(() => database.drop())

  it('never says of predicates that differ that they are the same', async () => {
    const pairs = [
      ...spread(wrong, isThorough ? wrong.length : 60).flatMap((each): [Judged, Judged][] => {
        const base = right[each.of]
        return base ? [[base, each]] : []
      }),
      // Those that differ least are taken for the same most easily.
      ...pairsOf(isThorough ? [...right, ...spread(wrong, 1_000)] : right)
        .map((pair) => ({ pair, distance: distanceOf(...pair) }))
        .toSorted((one, other) => one.distance - other.distance)
        .slice(0, mostPairs)
        .map(({ pair }) => pair),
    ]
    const counts = { proven: 0, refuted: 0, unknown: 0, unmodelled: 0, differing: 0, slow: 0 }
    const wrongProofs: string[] = []
    await inTurns(pairs, async ([one, other]) => {
      const isDifferent = one.says !== other.says
      if (isDifferent) counts.differing += 1
      const script = equivalenceScript(one.tree, other.tree, facts)
      const started = performance.now()
      const answer: Answer | 'unmodelled' = script ? await ask(script) : 'unmodelled'
      if (performance.now() - started > 1_000) counts.slow += 1
      counts[answer] += 1
      if (answer === 'proven' && isDifferent) wrongProofs.push(`${one.text}  /  ${other.text}`)
    })
    process.stdout.write(`${pairs.length} pairs: ${JSON.stringify(counts)}\n`)
    expect(wrongProofs).toEqual([])
    expect(counts.proven).toBeGreaterThan(0)
  }, 3_600_000)
})

async function ask(script: string): Promise<Answer> {
  const [first] = solvers
  return first ? askSolver(script, first) : 'unknown'
}

/** The predicates as PostgreSQL prints them with an empty search_path. */
async function printed(client: Client, texts: string[]): Promise<string[]> {
  await client.query('SET search_path = public')
  for (const [at, text] of texts.entries())
    await client.query(`CREATE POLICY ${quote(`p${at}`)} ON items USING (${text})`)
  await client.query(`SET search_path = ''`)
  const { rows } = await client.query<{ text: string }>(
    `SELECT pg_get_expr(polqual, polrelid) AS text FROM pg_policy ORDER BY substr(polname, 2)::int`,
  )
  return rows.map(({ text }) => text)
}

/** Asks PostgreSQL for every predicate, every row, every caller and every world. */
async function judge(client: Client, all: Judged[]): Promise<void> {
  for (let world = 1; world <= worlds; world += 1) {
    await fillWorld(client, world)
    for (const caller of callers) {
      await client.query(`SELECT set_config('request.jwt.claim.sub', $1, false)`, [caller])
      for (let at = 0; at < all.length; at += 100) await judgeSome(client, all.slice(at, at + 100))
    }
  }
}

async function judgeSome(client: Client, some: Judged[]): Promise<void> {
  const columns = some.map(
    ({ text }) => `string_agg(CASE WHEN (${text}) THEN '1' ELSE '0' END, '' ORDER BY id)`,
  )
  try {
    const { rows } = await client.query<{ says: string[] }>(
      `SELECT ARRAY[${columns.join(', ')}] AS says FROM public.items`,
    )
    for (const [at, each] of some.entries()) each.says += rows[0]?.says[at] ?? ''
  } catch (error) {
    if (some.length > 1) {
      const middle = some.length >> 1
      await judgeSome(client, some.slice(0, middle))
      await judgeSome(client, some.slice(middle))
    } else for (const each of some) each.says += `(${(error as { code?: string }).code ?? ''})`
  }
}

/** For how many rows, worlds and callers the two differ. */
function distanceOf({ says }: Judged, other: Judged): number {
  let distance = 0
  for (let at = 0; at < says.length; at += 1) if (says[at] !== other.says[at]) distance += 1
  return distance
}

function pairsOf(all: Judged[]): [Judged, Judged][] {
  return all.flatMap((one, at) => all.slice(at + 1).map((other): [Judged, Judged] => [one, other]))
}

function spread<T>(list: T[], most: number): T[] {
  if (list.length <= most) return list
  return Array.from({ length: most }, (_, index) => list[Math.floor((index * list.length) / most)] as T)
}

/** Two at a time. */
async function inTurns<T>(list: T[], work: (item: T) => Promise<void>): Promise<void> {
  const open = [...list]
  const worker = async () => {
    for (let next = open.shift(); next; next = open.shift()) await work(next)
  }
  await Promise.all([worker(), worker()])
}
