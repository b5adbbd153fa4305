import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { UsageError } from '../errors.ts'

const manifestSchema = z.looseObject({
  name: z.string().optional(),
  type: z.string().optional(),
  packageManager: z.string().optional(),
  scripts: z.record(z.string(), z.string()).optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.record(z.string(), z.string()).optional(),
})

/** What we read of package.json. */
export type Manifest = z.infer<typeof manifestSchema>

/** The files of a project, by paths relative to it. Nothing is written, and no file is run. */
export class ProjectFiles {
  readonly directory: string
  /** package.json; undefined where there is none. */
  readonly manifest: Manifest | undefined

  /** @throws UsageError if package.json is not one */
  constructor(directory: string) {
    this.directory = directory
    const text = this.read('package.json')
    this.manifest = text === undefined ? undefined : readManifest(join(directory, 'package.json'), text)
  }

  has(path: string): boolean {
    return existsSync(join(this.directory, path))
  }

  isDirectory(path: string): boolean {
    return this.has(path) && statSync(join(this.directory, path)).isDirectory()
  }

  /** The text of a file; undefined where there is none. */
  read(path: string): string | undefined {
    const file = join(this.directory, path)
    return existsSync(file) && statSync(file).isFile() ? readFileSync(file, 'utf8') : undefined
  }

  /** Names of what lies in a directory, sorted; none where there is no directory. */
  list(path: string): string[] {
    return this.isDirectory(path) ? readdirSync(join(this.directory, path)).sort() : []
  }

  /** The first of these paths that exists. */
  firstOf(...paths: string[]): string | undefined {
    return paths.find((path) => this.has(path))
  }

  /** The first of these packages that package.json names. */
  dependency(...names: string[]): string | undefined {
    const { dependencies, devDependencies } = this.manifest ?? {}
    return names.find((name) => dependencies?.[name] !== undefined || devDependencies?.[name] !== undefined)
  }
}

function readManifest(path: string, text: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(text.replace(/^\uFEFF/, '')))
  } catch (error) {
    throw new UsageError(
      `${path} is not a package.json that can be read.`,
      'Correct it and run this again.',
      {
        cause: error,
      },
    )
  }
}
