import type { Recogniser } from '../tool.ts'

export const typeorm: Recogniser = {
  name: 'typeorm',
  title: 'TypeORM',
  recognise(files) {
    const migrations =
      files.firstOf('src/migrations', 'src/migration', 'src/database/migrations', 'migrations') ??
      'src/migrations'
    const config = files.firstOf('ormconfig.json', 'ormconfig.js', 'ormconfig.ts', 'ormconfig.yml')
    if (config !== undefined) return { by: config, migrations }
    const source = ['data-source', 'src/data-source', 'src/database/data-source']
      .flatMap((path) => [`${path}.ts`, `${path}.js`])
      .find((path) => files.read(path)?.includes('typeorm'))
    if (source !== undefined) return { by: source, migrations }
    return files.dependency('typeorm') === undefined ? undefined : { by: 'typeorm', migrations, weak: true }
  },
}
