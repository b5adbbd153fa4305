// Decides which install runs: a project's own wins over a global one, so that a team runs the version that it chose.
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The install in the `node_modules` of the project around `directory`, unless it is `root`, the one that was called.
 * `npx hundredfold@VERSION` names a version on purpose, so that version runs.
 */
export function findOtherInstall(root, directory) {
  const own = realpathSync(fileURLToPath(root))
  if (/[\\/]_npx[\\/]/.test(own)) return undefined
  const project = findInstall(directory)
  if (!project || project === own) return undefined
  const [theirs, ours] = [readManifest(project), readManifest(own)]
  const program = join(project, theirs.bin.hundredfold)
  if (theirs.version === ours.version) return { program }
  const notice = `Using hundredfold ${theirs.version} from this project, not the ${ours.version} that was called.\n`
  return { program, notice }
}

function findInstall(directory) {
  const candidate = join(directory, 'node_modules', 'hundredfold')
  if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate)
  const parent = dirname(directory)
  return parent === directory ? undefined : findInstall(parent)
}

function readManifest(directory) {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
}
