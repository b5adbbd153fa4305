import type { ProjectFiles } from '../project/projectFiles.ts'
import type { Wanted } from './plannedFile.ts'

const path = 'package.json'

const scripts: Record<string, string> = {
  hundredfold: 'hundredfold',
  diagnose: 'hundredfold diagnose',
  optimize: 'hundredfold optimize',
  migrate: 'hundredfold migrate',
}

/** Adds our scripts to package.json. A script of the project's own keeps its name. */
export function wantPackageScripts(files: ProjectFiles): Wanted {
  const text = files.read(path)
  if (text === undefined) return { kept: { path, reason: 'there is none, so there are no scripts' } }
  const own = files.manifest?.scripts ?? {}
  const taken = Object.keys(scripts).filter((name) => own[name] !== undefined && own[name] !== scripts[name])
  const missing = Object.entries(scripts).filter(([name]) => own[name] === undefined)
  const kept =
    taken.length === 0
      ? {}
      : { kept: { path, reason: `${named(taken)} of yours; ours would be ${taken.map(callOf).join(', ')}` } }
  if (missing.length === 0) return kept
  const what = named(missing.map(([name]) => name))
  return { ...kept, file: { path, text: withScripts(text, missing), isNew: false, what } }
}

function named(names: string[]): string {
  return `${names.length === 1 ? 'script' : 'scripts'} ${names.join(', ')}`
}

function callOf(name: string): string {
  return `\`${scripts[name] ?? name}\``
}

/** In the indentation and with the line ends of the file. */
function withScripts(text: string, missing: [string, string][]): string {
  const manifest = JSON.parse(text.replace(/^\uFEFF/, '')) as Record<string, unknown>
  const own = (manifest['scripts'] ?? {}) as Record<string, string>
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? '  '
  const next = JSON.stringify(
    { ...manifest, scripts: { ...own, ...Object.fromEntries(missing) } },
    null,
    indent,
  )
  const ended = /\n$/.test(text) ? `${next}\n` : next
  return text.includes('\r\n') ? ended.replaceAll('\n', '\r\n') : ended
}
