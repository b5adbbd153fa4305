import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../errors.ts'
import type { ExportFormat } from './format.ts'
import { harmless, header } from './header.ts'
import { psqlScript } from './statements.ts'

/** A line of `sqitch.plan`, and `deploy/`, `revert/` and `verify/` with a script each. */
export const sqitch: ExportFormat = {
  name: 'sqitch',
  out: '.',
  scripts: 'deploy',
  next: 'sqitch deploy',
  async open(out, now) {
    const planPath = join(out, 'sqitch.plan')
    let plan = await readPlan(planPath)
    const taken = new Set(plan.split('\n').flatMap((line) => /^\s*([^\s%#@[]+)\s/.exec(line)?.[1] ?? []))
    const planner = /\d\dZ ([^<>\n]+ <[^<>\n]+>)/.exec(
      plan.split('\n').findLast((line) => line.includes('>')) ?? '',
    )?.[1]
    let time = now.getTime()
    return {
      add(migration) {
        const name = freeName(migration.slug, taken)
        const at = `${new Date(time).toISOString().slice(0, 19)}Z`
        time += 1_000
        const note = harmless(migration.rule || migration.slug)
        plan = `${plan}${plan.endsWith('\n') ? '' : '\n'}${name} ${at} ${planner ?? 'hundredfold <hundredfold@localhost>'} # ${note}\n`
        const script = (way: string, text: string) => ({
          path: join(out, way, `${name}.sql`),
          text: `-- ${way[0]?.toUpperCase()}${way.slice(1)} ${name}\n${header(migration)}\n${text}`,
        })
        return {
          name,
          files: [
            script('deploy', psqlScript(migration.up)),
            script('revert', psqlScript(migration.down) || '-- There is nothing to take back.\n'),
            script('verify', verifyText(name)),
            { path: planPath, text: plan, replaces: true },
          ],
        }
      },
    }
  },
}

async function readPlan(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(
      `There is no ${path}.`,
      'Run `sqitch init NAME --engine pg` first, or name the folder of the plan with --out.',
      { cause: error },
    )
  }
}

function freeName(slug: string, taken: Set<string>): string {
  for (let at = 1; ; at++) {
    const name = at === 1 ? slug : `${slug}_${at}`
    if (taken.has(name)) continue
    taken.add(name)
    return name
  }
}

/** The conditions read the catalog in ways that a script cannot; the program checks them. */
function verifyText(name: string): string {
  return `-- The conditions: npx hundredfold verify --after hundredfold/${name}.conditions.json\nSELECT 1;\n`
}
