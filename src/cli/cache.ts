import { Command } from 'commander'
import { cacheInstallCommand } from './cacheInstall.ts'
import { cacheInvalidateCommand } from './cacheInvalidate.ts'
import type { CommandContext } from './context.ts'

/** `cache install`, which writes migrations, and `cache invalidate`, the worker. */
export function cacheCommand(context: CommandContext): Command {
  return new Command('cache')
    .addCommand(cacheInstallCommand(context))
    .addCommand(cacheInvalidateCommand(context))
}
