import type { Recogniser } from '../tool.ts'

export const supabase: Recogniser = {
  name: 'supabase',
  title: 'Supabase',
  recognise(files) {
    const by = files.firstOf('supabase/config.toml', 'supabase/migrations')
    const migrations = 'supabase/migrations'
    if (by !== undefined) return { by, migrations }
    return files.dependency('supabase') === undefined ? undefined : { by: 'supabase', migrations, weak: true }
  },
}
