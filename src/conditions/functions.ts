import { createHash } from 'node:crypto'
import { display } from '../postgres/identifiers.ts'
import type { FunctionName, Volatility } from '../catalog/functions.ts'
import { findFunction } from '../catalog/functions.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** Holds when the function exists with exactly these arguments. */
export function functionExists(name: FunctionName): Condition {
  return {
    description: `function ${show(name)} exists`,
    check: async (db) => ((await findFunction(db, name)) ? holds : fails('a function', 'no such function')),
  }
}

/** Holds when no function has this name and these arguments. */
export function functionIsAbsent(name: FunctionName): Condition {
  return {
    description: `function ${show(name)} is absent`,
    check: async (db) => ((await findFunction(db, name)) ? fails('no such function', 'a function') : holds),
  }
}

function show(name: FunctionName): string {
  return `${display(name)}(${name.args})`
}

/** Holds when the function sets exactly this `search_path`; null: it sets none and uses its caller's. */
export function functionSearchPathIs(name: FunctionName, path: string | null): Condition {
  const state = (value: string | null): string =>
    value === null ? "its caller's search_path" : `search_path ${value}`
  return {
    description: `function ${show(name)} has ${state(path)}`,
    async check(db) {
      const found = await findFunction(db, name)
      if (!found) return fails(state(path), 'no such function')
      const actual = found.settings['search_path'] ?? null
      return actual === path ? holds : fails(state(path), state(actual))
    },
  }
}

/** Holds when the function is declared so: STABLE, say, which PostgreSQL may call less often than VOLATILE. */
export function functionVolatilityIs(name: FunctionName, volatility: Volatility): Condition {
  const wanted = volatility.toUpperCase()
  return {
    description: `function ${show(name)} is ${wanted}`,
    async check(db) {
      const found = await findFunction(db, name)
      if (!found) return fails(wanted, 'no such function')
      return found.volatility === volatility ? holds : fails(wanted, found.volatility.toUpperCase())
    },
  }
}

/** Holds when the function's body has this MD5: it has not changed since the migration was written. */
export function functionBodyIs(name: FunctionName, md5: string): Condition {
  return {
    description: `function ${show(name)} has the body ${md5}`,
    async check(db) {
      const found = await findFunction(db, name)
      if (!found) return fails(`the body ${md5}`, 'no such function')
      const actual = createHash('md5').update(found.source).digest('hex')
      return actual === md5 ? holds : fails(`the body ${md5}`, `the body ${actual}`)
    },
  }
}
