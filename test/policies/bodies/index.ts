import type { BodyGroup } from './bodyCase.ts'
import { correlated } from './correlated.ts'
import { keyTypes } from './keyTypes.ts'
import { nestedCalls } from './nestedCalls.ts'
import { operators } from './operators.ts'
import { raising } from './raising.ts'
import { rights } from './rights.ts'
import { searchPaths } from './searchPaths.ts'
import { settings } from './settings.ts'
import { shapes } from './shapes.ts'
import { volatility } from './volatility.ts'

/** Every group of cases. */
export const groups: BodyGroup[] = [
  nestedCalls,
  searchPaths,
  raising,
  rights,
  settings,
  keyTypes,
  operators,
  shapes,
  correlated,
  volatility,
]
