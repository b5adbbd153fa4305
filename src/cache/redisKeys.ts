import { randomUUID } from 'node:crypto'

/** The names that a cache uses in Redis; another prefix is another cache. */
export function redisKeys(prefix: string) {
  return {
    state: `${prefix}:state`,
    confirmed: `${prefix}:state:confirmed`,
    entry: (key: string): string => `${prefix}:entry:${key}`,
    tags: `${prefix}:tag:`,
    channel: `${prefix}:changes`,
  }
}

export const defaultPrefix = 'hundredfold'

/** A text that was never used before. */
export const newEpoch = (): string => randomUUID()
