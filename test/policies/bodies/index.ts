import type { BodyGroup } from './bodyCase.ts'
import { nestedCalls } from './nestedCalls.ts'
import { raising } from './raising.ts'
import { searchPaths } from './searchPaths.ts'

/** Every group of cases. */
export const groups: BodyGroup[] = [nestedCalls, searchPaths, raising]
