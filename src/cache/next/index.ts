/** What applications import as `hundredfold/cache/next`. Next itself is neither imported nor needed. */
export type { NextCacheHandler } from './cacheHandler.ts'
export { createCacheHandler } from './cacheHandler.ts'
export type { NextCacheSettings } from './entries.ts'
export { nextInvalidator } from './nextInvalidator.ts'
export { nextTag } from './nextTag.ts'
export { revalidateRoute } from './revalidateRoute.ts'
export type { NextUseCacheHandler } from './useCacheHandler.ts'
export { createUseCacheHandler } from './useCacheHandler.ts'
