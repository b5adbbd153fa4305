import { posix } from 'node:path'

/** The text behind a key of a configuration that is a program and is not run: `out: './drizzle'`. */
export function configValue(text: string | undefined, key: string): string | undefined {
  return new RegExp(`\\b${key}\\s*[:=]\\s*(['"\`])([^'"\`$]+)\\1`).exec(text ?? '')?.[2]
}

/** A directory as we show it: relative to the project, without `./` and a slash at the end. */
export function plainPath(path: string): string {
  return posix.normalize(path.replaceAll('\\', '/')).replace(/(.)\/$/, '$1')
}
