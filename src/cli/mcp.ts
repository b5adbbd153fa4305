import { Command } from 'commander'
import { sessionUrl } from '../config.ts'
import { UsageError, exitCodes } from '../errors.ts'
import { errorCode } from '../postgres/sqlState.ts'
import { readProjectSettings } from '../project/settings.ts'
import type { CommandContext } from './context.ts'
import type { ToolContext } from './mcp/tool.ts'

/** `mcp`: what an agent may look at, over standard input and output. Nothing in it can write to a database. */
export function mcpCommand({ config, terminal, finish }: CommandContext): Command {
  return new Command('mcp')
    .option('--dir <directory>', 'where the migrations are', readProjectSettings().migrations)
    .addHelpText(
      'after',
      `
Examples:
  $ npx hundredfold mcp                     for a client of the Model Context Protocol, which starts it
  $ npm install -D @modelcontextprotocol/server    what it needs beside hundredfold

In the configuration of the client, with the connection in DIRECT_URL or a .env file of the project:
  { "mcpServers": { "hundredfold": { "command": "npx", "args": ["hundredfold", "mcp"] } } }

Tools: diagnose, advise, plan, explain. Every session is read-only; statements are planned and never executed.
What they suggest is written by \`optimize\` and applied by \`migrate up\`, which people run.
`,
    )
    .action(async (options: { dir: string }) => {
      // The error of a missing setting comes before the client waits for an answer.
      sessionUrl(config)
      const { serve } = await loadServer()
      const context: ToolContext = { config, directory: options.dir, signal: terminal.signal }
      await serve(context)
      finish(exitCodes.done)
    })
}

async function loadServer() {
  try {
    return await import('./mcp/server.ts')
  } catch (error) {
    if (errorCode(error) !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UsageError(
      'The Model Context Protocol is not installed.',
      'Run `npm install -D @modelcontextprotocol/server`.',
      { cause: error },
    )
  }
}
