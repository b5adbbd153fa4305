import { Command } from 'commander'
import { installOfCache } from './cacheInstall.ts'
import { invalidateOfCache } from './cacheInvalidate.ts'
import type { CommandContext } from './context.ts'

/** The command that writes migrations for tables, and the worker. */
export function cacheCommand(context: CommandContext): Command {
  return new Command('cache').addCommand(installOfCache(context)).addCommand(invalidateOfCache(context))
}
