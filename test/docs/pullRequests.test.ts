import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import type { HttpReceiver } from '../support/httpReceiver.ts'
import { startHttpReceiver } from '../support/httpReceiver.ts'

const table = '# Migration plan: 1 pending\n\n| migration | "quoted" & more |\n| --- | --- |\n\n'
const plan = `${table}<details>\n<summary>größe+1</summary>\n\nSQL\n\n</details>\n`

let folder: string
let receiver: HttpReceiver

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hundredfold-ci-'))
  receiver = await startHttpReceiver()
  await program('npm', 'exit 0')
  // As with drift: the plan is there, and the command ends with 4.
  await writeFile(join(folder, 'made.md'), plan)
  await program('npx', `[ "$*" = "hundredfold migrate plan" ] && cat "${folder}/made.md"; exit 4`)
})
afterAll(async () => {
  await receiver.stop()
  await rm(folder, { recursive: true })
})

async function program(name: string, body: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${body}\n`)
  await chmod(join(folder, name), 0o755)
}

/** The YAML below a mark in the page, as the CI reads it. */
async function example(mark: string): Promise<unknown> {
  const text = await readFile(new URL('../../docs/pull-requests.md', import.meta.url), 'utf8')
  const yaml = new RegExp(`<!-- ${mark} -->\\s+\`\`\`yaml\\n([^]+?)\\n\`\`\``).exec(text)?.[1]
  return parse(yaml ?? '')
}

/** Runs the lines one after the other in one shell that stops at the first failure, as both systems do. */
function run(script: string[], environment: Record<string, string>): Promise<number> {
  return new Promise((resolve) => {
    const env = {
      ...environment,
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      PLAN_TOKEN: 'token-of-the-test',
    }
    const child = execFile('bash', ['-eo', 'pipefail', '-c', script.join('\n')], { cwd: folder, env })
    child.on('close', (code) => resolve(code ?? -1))
  })
}

test('the example for GitLab posts the plan as a note, and ends as the plan did', async () => {
  const { plan: job } = z
    .object({ plan: z.object({ script: z.array(z.string()) }) })
    .parse(await example('gitlab'))
  const exitCode = await run(job.script, {
    CI_API_V4_URL: receiver.url,
    CI_PROJECT_ID: '7',
    CI_MERGE_REQUEST_IID: '12',
  })
  const request = receiver.received.at(-1)
  expect(request).toMatchObject({
    method: 'POST',
    path: '/projects/7/merge_requests/12/notes',
    headers: { 'private-token': 'token-of-the-test' },
  })
  expect(new URLSearchParams(request?.body.toString()).get('body')).toBe(plan)
  expect(exitCode).toBe(4)
})

test('the example for Bitbucket posts the table as a comment, and ends as the plan did', async () => {
  const step = z.object({ step: z.object({ script: z.array(z.string()) }) })
  const { pipelines } = z
    .object({ pipelines: z.object({ 'pull-requests': z.object({ '**': z.tuple([step]) }) }) })
    .parse(await example('bitbucket'))
  const exitCode = await run(pipelines['pull-requests']['**'][0].step.script, {
    BITBUCKET_API: receiver.url,
    BITBUCKET_REPO_FULL_NAME: 'team/shop',
    BITBUCKET_PR_ID: '3',
    PLAN_DATABASE_URL: 'unused',
  })
  const request = receiver.received.at(-1)
  expect(request).toMatchObject({
    method: 'POST',
    path: '/repositories/team/shop/pullrequests/3/comments',
    headers: { authorization: 'Bearer token-of-the-test' },
  })
  expect(JSON.parse(request?.body.toString() ?? '')).toEqual({ content: { raw: table } })
  expect(exitCode).toBe(4)
})
