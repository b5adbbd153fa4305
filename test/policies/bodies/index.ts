import type { BodyGroup } from './bodyCase.ts'
import { nestedCalls } from './nestedCalls.ts'

/** Every group of cases. */
export const groups: BodyGroup[] = [nestedCalls]
