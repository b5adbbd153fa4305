import type { BodyGroup } from './bodyCase.ts'
import { keyTypes } from './keyTypes.ts'
import { nestedCalls } from './nestedCalls.ts'
import { raising } from './raising.ts'
import { rights } from './rights.ts'
import { searchPaths } from './searchPaths.ts'
import { settings } from './settings.ts'

/** Every group of cases. */
export const groups: BodyGroup[] = [nestedCalls, searchPaths, raising, rights, settings, keyTypes]
