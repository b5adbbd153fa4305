import type { Recogniser } from '../tool.ts'

export const sqitch: Recogniser = {
  name: 'sqitch',
  title: 'Sqitch',
  recognise(files) {
    const by = files.firstOf('sqitch.plan', 'sqitch.conf')
    return by === undefined ? undefined : { by, migrations: 'deploy' }
  },
}
