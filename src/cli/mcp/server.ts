import { createRequire } from 'node:module'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import type * as z from 'zod'
import { adviseTool } from './adviseTool.ts'
import { diagnoseTool } from './diagnoseTool.ts'
import { explainTool } from './explainTool.ts'
import { planTool } from './planTool.ts'
import type { Tool, ToolContext } from './tool.ts'
import { explained } from './tool.ts'

const { version } = createRequire(import.meta.url)('hundredfold/package.json') as { version: string }

const instructions =
  'Looks at one PostgreSQL database, read-only. Nothing here changes it: fixes are written by `hundredfold optimize` and ' +
  'applied by `hundredfold migrate up`, which a person runs after reading `plan`.'

/** Serves the tools over standard input and output until the input ends or the signal is aborted. */
export async function serve(context: ToolContext): Promise<void> {
  const ending = new AbortController()
  const signal = AbortSignal.any([context.signal, ending.signal])
  const server = serveStdio(() => makeServer({ ...context, signal }))
  await new Promise<void>((resolve) => {
    const end = () => resolve()
    process.stdin.once('end', end).once('close', end)
    context.signal.addEventListener('abort', end, { once: true })
  })
  // Whoever has gone does not wait for an answer.
  ending.abort()
  await server.close()
}

function makeServer(context: ToolContext): McpServer {
  const server = new McpServer({ name: 'hundredfold', version }, { instructions })
  register(server, context, diagnoseTool)
  register(server, context, adviseTool)
  register(server, context, planTool)
  register(server, context, explainTool)
  return server
}

function register<Input extends z.ZodObject>(
  server: McpServer,
  context: ToolContext,
  { name, title, description, input, run }: Tool<Input>,
): void {
  const annotations = { readOnlyHint: true, destructiveHint: false, openWorldHint: false }
  server.registerTool(
    name,
    { title, description, inputSchema: input as z.ZodObject, annotations },
    async (given) => {
      try {
        const answer = await run(context, given as z.output<Input>)
        return { content: [{ type: 'text', text: JSON.stringify(answer) }] }
      } catch (error) {
        return { isError: true, content: [{ type: 'text', text: explained(error) }] }
      }
    },
  )
}
