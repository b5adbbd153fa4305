import { fileURLToPath } from 'node:url'

const file = (name) => fileURLToPath(new URL(name, import.meta.url))

/** With Redis, all processes share pages and data. Without it, each keeps Next's own cache, and instrumentation.js clears it. */
const shared = process.env.REDIS_URL
  ? {
      cacheHandler: file('cache-handler.mjs'),
      cacheHandlers: { default: file('use-cache-handler.mjs') },
      cacheMaxMemorySize: 0,
    }
  : {}

export default {
  cacheComponents: true,
  partialPrefetching: true,
  serverExternalPackages: ['hundredfold', 'pg'],
  ...shared,
}
