import type { ProjectFiles } from '../project/projectFiles.ts'
import type { Wanted } from './plannedFile.ts'

interface Line {
  /** What shows that the file has it. */
  pattern: RegExp
  name: string
  text: string
}

const environment: Line[] = [
  {
    pattern: /^[#\s]*(export\s+)?DIRECT_URL\s*=/m,
    name: 'DIRECT_URL',
    text: '# Direct connection to PostgreSQL, or a pooler in session mode: hundredfold uses it.\nDIRECT_URL=\n',
  },
  {
    pattern: /^[#\s]*(export\s+)?DATABASE_URL\s*=/m,
    name: 'DATABASE_URL',
    text: "# The application's connection; hundredfold uses it where DIRECT_URL is absent.\nDATABASE_URL=\n",
  },
]

const ignored: Line[] = ['diagnostics-*/', '.hundredfold/history-*.json'].map((name) => ({
  pattern: new RegExp(`^/?${name.replaceAll(/[.*]/g, '\\$&')}\\s*$`, 'm'),
  name,
  text: `${name}\n`,
}))

/** The variables that a person has to set. */
export function wantEnvironmentLines(files: ProjectFiles): Wanted {
  return wantLines(files, '.env.example', environment)
}

/** Reports name tables and statements, and are made anew at each run. */
export function wantIgnoredLines(files: ProjectFiles): Wanted {
  return wantLines(files, '.gitignore', ignored)
}

function wantLines(files: ProjectFiles, path: string, lines: Line[]): Wanted {
  const text = files.read(path)
  const missing = lines.filter(({ pattern }) => !pattern.test(text ?? ''))
  if (missing.length === 0) return {}
  const before = text === undefined || text === '' || text.endsWith('\n') ? (text ?? '') : `${text}\n`
  return {
    file: {
      path,
      text: before + missing.map((line) => line.text).join(''),
      isNew: text === undefined,
      what: missing.map(({ name }) => name).join(', '),
    },
  }
}
