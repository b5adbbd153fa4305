import type { Recogniser } from '../tool.ts'

/** `V1__create.sql`, `V2.1__change.sql`. */
const versioned = /^[VRU][\d._]*__.+\.sql$/

export const flyway: Recogniser = {
  name: 'flyway',
  title: 'Flyway',
  recognise(files) {
    const places = ['sql', 'migrations', 'db/migration', 'src/main/resources/db/migration']
    const place = places.find((path) => files.list(path).some((name) => versioned.test(name)))
    const config = files.firstOf('flyway.toml', 'flyway.conf', 'conf/flyway.conf', 'conf/flyway.toml')
    const by = config ?? place
    return by === undefined ? undefined : { by, migrations: place ?? 'sql' }
  },
}
