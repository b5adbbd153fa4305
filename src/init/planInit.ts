import { nameOfFile } from '../migrate/loadMigrations.ts'
import type { PackageManager } from '../project/packageManager.ts'
import { packageManagerOf } from '../project/packageManager.ts'
import type { ProjectFiles } from '../project/projectFiles.ts'
import { recogniseTools } from '../project/recogniseTools.ts'
import { readProjectSettings, settingsFile } from '../project/settings.ts'
import type { ProjectSettings } from '../project/settings.ts'
import type { RecognisedTool, ToolName } from '../project/tool.ts'
import { wantEnvironmentLines, wantIgnoredLines } from './appendedLines.ts'
import { wantPackageScripts } from './packageScripts.ts'
import type { Kept, PlannedFile, Wanted } from './plannedFile.ts'
import { workflowText } from './workflow.ts'

/** What `init` found in a project, and what it wants to write there. */
export interface InitPlan {
  tools: RecognisedTool[]
  packageManager: PackageManager
  settings: ProjectSettings
  files: PlannedFile[]
  kept: Kept[]
  /** package.json names hundredfold already. */
  isInstalled: boolean
}

/** Where our migrations go if `migrations/` belongs to another tool. */
const directoryBesideOthers = 'hundredfold/migrations'
const workflowFile = '.github/workflows/hundredfold.yml'

/** Looks at a project and says what is missing. Nothing is written. */
export function planInit(project: ProjectFiles, { tool }: { tool?: ToolName } = {}): InitPlan {
  const tools = recogniseTools(project)
  const packageManager = packageManagerOf(project)
  const settings = chooseSettings(project, tools, tool)
  const wanted = [
    wantDirectory(project, settings.migrations),
    wantSettings(project, settings),
    wantPackageScripts(project),
    wantEnvironmentLines(project),
    wantIgnoredLines(project),
    wantWorkflow(project, workflowText(packageManager, settings.migrations)),
  ]
  return {
    ...{ tools, packageManager, settings },
    files: wanted.flatMap(({ file }) => file ?? []),
    kept: wanted.flatMap(({ kept }) => kept ?? []),
    isInstalled: project.dependency('hundredfold') !== undefined || project.manifest?.name === 'hundredfold',
  }
}

function chooseSettings(
  project: ProjectFiles,
  tools: RecognisedTool[],
  named: ToolName | undefined,
): ProjectSettings {
  const [only, ...others] = tools
  const there = project.has(settingsFile) ? readProjectSettings(project.directory) : undefined
  const tool = named ?? there?.tool ?? (others.length === 0 ? only?.name : undefined)
  const isFree = tools.length === 0 && project.list('migrations').every(isOurs)
  const migrations = there?.migrations ?? (isFree ? 'migrations' : directoryBesideOthers)
  return { migrations, ...(tool === undefined ? {} : { tool }) }
}

function isOurs(file: string): boolean {
  return file.startsWith('.') || nameOfFile(file) !== undefined
}

function wantDirectory(project: ProjectFiles, directory: string): Wanted {
  if (project.list(directory).length > 0) return {}
  const path = `${directory}/.gitkeep`
  return { file: { path, text: '', isNew: true, what: 'the directory of migrations' } }
}

/** The defaults need no file. */
function wantSettings(project: ProjectFiles, settings: ProjectSettings): Wanted {
  const text = `${JSON.stringify(settings, null, 2)}\n`
  const isDefault = settings.migrations === 'migrations' && settings.tool === undefined
  const isSame =
    project.has(settingsFile) &&
    JSON.stringify(readProjectSettings(project.directory)) === JSON.stringify(settings)
  if (isDefault || isSame) return {}
  const what = 'where migrations lie, and the other tool'
  return { file: { path: settingsFile, text, isNew: !project.has(settingsFile), what } }
}

function wantWorkflow(project: ProjectFiles, text: string): Wanted {
  const path = workflowFile
  const there = project.read(path)
  if (there === text) return {}
  if (there !== undefined)
    return { kept: { path, reason: 'you have changed it, or another version wrote it' } }
  return { file: { path, text, isNew: true, what: 'plan as a comment, deploy, weekly diagnosis' } }
}
