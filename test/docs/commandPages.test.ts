import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { commands } from '../../src/cli/list.ts'
import { callCommand } from '../support/commandLine.ts'

const docs = new URL('../../docs/', import.meta.url)

/** What `--help` prints; a command that has commands is followed by theirs. */
async function helpOf(words: string[]): Promise<string[]> {
  const { out } = await callCommand([...words, '--help'])
  const below = /^Commands:\n([^]*)/m.exec(out)?.[1] ?? ''
  const names = Array.from(below.matchAll(/^ {2}([a-z]+)\b/gm), ([, name = '']) => name)
  const helps = [out.trimEnd()]
  for (const name of names.filter((each) => each !== 'help')) helps.push(...(await helpOf([...words, name])))
  return helps
}

async function pageOf({ name, description }: (typeof commands)[number]): Promise<string> {
  const helps = await helpOf([name])
  const more = existsSync(new URL(`${name}.md`, docs)) ? `[${name}.md](../${name}.md) says more. ` : ''
  return [
    `# hundredfold ${name}`,
    `${description.charAt(0).toUpperCase()}${description.slice(1)}.`,
    `${more}[usage.md](../usage.md) has all commands and the exit codes.`,
    ...helps.map((help) => `\`\`\`text\n${help}\n\`\`\``),
  ].join('\n\n')
}

test.for(commands)(
  '$name has a page that is what it says of itself; `npm run doc-pages` writes it',
  async (command) => {
    await expect(`${await pageOf(command)}\n`).toMatchFileSnapshot(`../../docs/commands/${command.name}.md`)
  },
)

test('every page of docs/commands is of a command, and docs/usage.md links to it', async () => {
  const pages = (await readdir(new URL('commands', docs))).sort()
  expect(pages).toEqual(commands.map(({ name }) => `${name}.md`).sort())
  const usage = await readFile(new URL('usage.md', docs), 'utf8')
  expect(pages.filter((page) => !usage.includes(`(commands/${page})`))).toEqual([])
})
