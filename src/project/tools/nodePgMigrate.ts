import { plainPath } from '../configValue.ts'
import type { Recogniser } from '../tool.ts'

/** `-m db/migrations`, or the same in long, in a script. */
const option = /(?:\s-m|--migrations-dir)[\s=]+['"]?([^\s'"]+)/

export const nodePgMigrate: Recogniser = {
  name: 'node-pg-migrate',
  title: 'node-pg-migrate',
  recognise(files) {
    const scripts = Object.entries(files.manifest?.scripts ?? {})
    const script = scripts.find(([, text]) => /\bnode-pg-migrate\b/.test(text))
    const directory = scripts.flatMap(([, text]) =>
      text.includes('node-pg-migrate') ? (option.exec(text)?.[1] ?? []) : [],
    )[0]
    const migrations = plainPath(directory ?? 'migrations')
    if (script) return { by: `the script ${script[0]} of package.json`, migrations }
    return files.dependency('node-pg-migrate') === undefined
      ? undefined
      : { by: 'node-pg-migrate in package.json', migrations }
  },
}
