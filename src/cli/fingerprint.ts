import { Command } from 'commander'
import { sessionUrl } from '../config.ts'
import { connect } from '../postgres/connect.ts'
import { exitCodes } from '../errors.ts'
import { readFingerprint } from '../fingerprint/fingerprint.ts'
import { writeWholeFile } from '../wholeFile.ts'
import type { CommandContext } from './context.ts'

/** `fingerprint`: the canonical text of a schema. */
export function fingerprintCommand({ config, terminal, finish }: CommandContext): Command {
  return new Command('fingerprint')
    .option('--schema <name...>', 'only these schemas')
    .option('--out <file>', 'write it to a file')
    .addHelpText(
      'after',
      `
Examples:
  $ npm run -s hundredfold -- fingerprint > before.txt
  $ npm run -s hundredfold -- fingerprint --schema public --out public.txt
`,
    )
    .action(async (options: { schema?: string[]; out?: string }) => {
      const client = await connect(sessionUrl(config))
      try {
        const { text, notSeen } = await readFingerprint(
          client,
          options.schema ? { schemas: options.schema } : {},
        )
        if (options.out === undefined) terminal.out(text)
        else await writeWholeFile(options.out, text, { placedBy: '--out' })
        for (const sentence of notSeen) terminal.err(`Not seen: ${sentence}\n`)
        finish(exitCodes.done)
      } finally {
        await client.end()
      }
    })
}
