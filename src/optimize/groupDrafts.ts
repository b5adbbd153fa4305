import { groupBy } from '../groupBy.ts'
import type { Draft, DraftKind } from '../operations/draft.ts'
import { unique } from '../operations/draft.ts'
import { draftTitle } from '../operations/titles.ts'

/** What one file holds: drafts that are reviewed, run and taken back together. */
export interface Group {
  drafts: Draft[]
  /** All of them as one. */
  draft: Draft
}

/** As many files are read one by one; of more, those of a rule are put together. */
const readable = 60

/** No file of several tables does more than this, unless `readable` files could not hold everything. */
const statementsAtFirst = 10

/** What a rule wants of one table stays together; of a schema's functions a file has this many at first. */
const ofOneSchema = 50

/**
 * Puts into one file what is reviewed together: what one rule wants of one table. Where that makes more files than
 * anybody reads, a file takes in several tables, in the order of their names: ten statements at first, and ten more
 * each time until there are few enough.
 *
 * 544 tables with 3,000 findings -> at most 60 files, or one for each rule and kind where those are more.
 *
 * What others require stands in files of its own before them. Otherwise files keep the order of their first drafts.
 */
export function groupDrafts(drafts: Draft[]): Group[] {
  const series = seriesOf(drafts)
  for (let size = 0; ; size += statementsAtFirst) {
    const groups = series.flatMap((each) => cut(each, size))
    if (groups.length <= readable || groups.length === series.length) return numbered(groups.map(merge))
  }
}

/** What may stand in one file, in the order of the first of each. */
function seriesOf(drafts: Draft[]): Draft[][] {
  const required = new Set(drafts.flatMap(({ requires = [] }) => requires.flatMap(({ ids }) => ids)))
  const series = groupBy(drafts, ({ kind, rule, ids, noTransaction }) =>
    JSON.stringify([ids.some((id) => required.has(id)), kind, rule, noTransaction]),
  )
  return [...series.values()]
}

/** Cuts a series between tables, so that no part of several tables has more statements than `size`. */
function cut(series: Draft[], size: number): Draft[][] {
  const objects = groupBy(series, ({ on }) => JSON.stringify(on))
  const byName = [...objects.values()].toSorted((a, b) => compare(nameOf(a[0]), nameOf(b[0])))
  const whole = byName.flatMap((object) => {
    const single = object.map((each) => [each])
    return object[0]?.on.length === 1 ? fill(single, Math.max(size, ofOneSchema)) : [object]
  })
  return fill(whole, size)
}

/** Puts what stands side by side together, up to that many statements. */
function fill(parts: Draft[][], size: number): Draft[][] {
  const filled: Draft[][] = []
  for (const part of parts) {
    const last = filled.at(-1)
    if (last && countStatements(last) + countStatements(part) <= size) last.push(...part)
    else filled.push([...part])
  }
  return filled
}

function countStatements(drafts: Draft[]): number {
  return drafts.reduce((sum, { up }) => sum + up.length, 0)
}

function nameOf(draft: Draft | undefined): string {
  return draft?.on.join('.') ?? ''
}

/** The same on every machine, whatever its language. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** How the file of several drafts of a kind is called, before the names of their objects. */
const titles: Record<DraftKind, string> = {
  alterPolicies: 'rewrite-policies',
  alterRoleSetting: 'set-role-settings',
  createExtension: 'enable-extensions',
  createIndex: 'create-indexes',
  createKeyHelper: 'create-key-functions',
  createStatistics: 'create-statistics',
  dropDuplicatePolicy: 'drop-policies',
  dropIndex: 'drop-indexes',
  enableRowSecurity: 'secure-tables',
  narrowIndex: 'narrow-indexes',
  primaryKeyFromIndex: 'add-primary-keys',
  setFunctionSearchPath: 'set-search-paths',
  setStorageParameters: 'set-storage-parameters',
  validateConstraint: 'validate-constraints',
  widenSequence: 'widen-sequences',
}

/** One draft that does what all of them do; the way back takes them in the opposite order. */
function merge(drafts: Draft[]): Group {
  const [first] = drafts
  if (!first) throw new Error('there is no file of nothing')
  if (drafts.length === 1) return { drafts, draft: first }
  const { kind, rule, on, noTransaction } = first
  return {
    drafts,
    draft: {
      ...{ kind, rule, on },
      ...(noTransaction === undefined ? {} : { noTransaction }),
      ids: drafts.flatMap(({ ids }) => ids),
      title: titleOf(drafts, kind),
      why: whyOf(drafts),
      up: drafts.flatMap(({ up }) => up),
      down: drafts.toReversed().flatMap(({ down }) => down),
      before: unique(drafts.flatMap(({ before }) => before)),
      after: unique(drafts.flatMap(({ after }) => after)),
    },
  }
}

/** `create-indexes-of-bookings`, `create-indexes-of-accounts-to-bookings`. */
function titleOf(drafts: Draft[], kind: DraftKind): string {
  const first = drafts[0]?.on.at(-1)
  const last = drafts.at(-1)?.on.at(-1)
  if (first === undefined || last === undefined) return titles[kind]
  return draftTitle(
    `${titles[kind]}-of`,
    first,
    ...(nameOf(drafts[0]) === nameOf(drafts.at(-1)) ? [] : ['to', last]),
  )
}

/** Of files with the same title each but the first gets a number: `set-search-paths-of-public-2`. */
function numbered(groups: Group[]): Group[] {
  const seen = new Map<string, number>()
  return groups.map(({ drafts, draft }) => {
    const number = (seen.get(draft.title) ?? 0) + 1
    seen.set(draft.title, number)
    return { drafts, draft: number === 1 ? draft : { ...draft, title: draftTitle(draft.title, `${number}`) } }
  })
}

/** The reason that all share, or that of each. */
function whyOf(drafts: Draft[]): string {
  const reasons = [...new Set(drafts.map(({ why }) => why))]
  const [only] = reasons
  return reasons.length === 1 && only !== undefined ? only : reasons.map((reason) => `- ${reason}`).join('\n')
}
