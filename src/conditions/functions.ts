import { display } from '../db/identifiers.ts'
import type { FunctionName } from '../introspect/functions.ts'
import { functionIsThere } from '../introspect/functions.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** Holds when the function exists with exactly these arguments. */
export function functionExists(name: FunctionName): Condition {
  return {
    description: `function ${show(name)} exists`,
    check: async (db) =>
      (await functionIsThere(db, name)) ? holds : fails('a function', 'no such function'),
  }
}

/** Holds when no function has this name and these arguments. */
export function functionIsAbsent(name: FunctionName): Condition {
  return {
    description: `function ${show(name)} is absent`,
    check: async (db) =>
      (await functionIsThere(db, name)) ? fails('no such function', 'a function') : holds,
  }
}

function show(name: FunctionName): string {
  return `${display(name)}(${name.args})`
}
