import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ProjectFiles } from '../../src/project/projectFiles.ts'

/** A folder with these files; one whose name ends in `/` is a directory. `package.json` may be given as an object. */
export function makeProject(files: Record<string, string | object>): ProjectFiles & Disposable {
  const directory = mkdtempSync(join(tmpdir(), 'project-'))
  for (const [path, content] of Object.entries(files)) {
    const place = join(directory, path)
    if (path.endsWith('/')) mkdirSync(place, { recursive: true })
    else {
      mkdirSync(dirname(place), { recursive: true })
      writeFileSync(place, typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`)
    }
  }
  const project = new ProjectFiles(directory)
  return Object.assign(project, {
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  })
}
