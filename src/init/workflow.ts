import type { PackageManager } from '../project/packageManager.ts'

/** Steps that bring the package manager, before Node is set up. */
const setUp: Record<PackageManager['name'], string> = {
  npm: '',
  pnpm: '      - uses: pnpm/action-setup@v4\n',
  yarn: '      - run: corepack enable\n',
  bun: '      - uses: oven-sh/setup-bun@v2\n',
}

function steps(manager: PackageManager): string {
  const cache = manager.name === 'bun' ? '' : `, cache: ${manager.name}`
  return `      - uses: actions/checkout@v5
${setUp[manager.name]}      - uses: actions/setup-node@v5
        with: { node-version: 22${cache} }
      - run: ${manager.installLocked}
`
}

/** A GitHub workflow: the plan as a comment on a pull request, migrations on the main branch, a weekly diagnosis. */
export function workflowText(manager: PackageManager, directory: string): string {
  const hundredfold = (args: string) => manager.exec(`hundredfold ${args}`)
  const install = steps(manager)
  return `# Written by \`hundredfold init\`, and yours to change.
# Needs two secrets: DIRECT_URL, a direct connection of the role that owns the tables, and PLAN_DATABASE_URL, for which
# a role that may only read is enough. Without a secret, as in a pull request from a fork, its job does nothing.
name: hundredfold
on:
  pull_request:
    paths: ['${directory}/**']
  push:
    branches: [main]
    paths: ['${directory}/**']
  schedule:
    - cron: '0 5 * * 1'
  workflow_dispatch:
permissions:
  contents: read

jobs:
  plan:
    if: github.event_name == 'pull_request'
    runs-on: ubuntu-latest
    timeout-minutes: 20
    permissions:
      contents: read
      pull-requests: write
    concurrency:
      group: hundredfold-plan-\${{ github.ref }}
      cancel-in-progress: true
    steps:
${install}      - name: Plan
        env:
          DIRECT_URL: \${{ secrets.PLAN_DATABASE_URL }}
        # Ends with 4 on drift; the comment is written all the same.
        run: |
          if [ -z "$DIRECT_URL" ]; then echo 'The secret PLAN_DATABASE_URL is not set.' >> "$GITHUB_STEP_SUMMARY"; exit 0; fi
          ${hundredfold('migrate plan')} > plan.md
      - name: Comment
        if: \${{ !cancelled() && hashFiles('plan.md') != '' }}
        env:
          GH_TOKEN: \${{ github.token }}
          PULL_REQUEST: \${{ github.event.pull_request.number }}
        run: |
          cat plan.md >> "$GITHUB_STEP_SUMMARY"
          # A comment holds 65,536 characters; the summary of the run has all of it.
          head -c 60000 plan.md | iconv -c -f utf-8 -t utf-8 > comment.md
          if [ "$(wc -c < plan.md)" -gt 60000 ]; then printf '\\n\\n(Cut off; the summary of the run has the whole plan.)\\n' >> comment.md; fi
          gh pr comment "$PULL_REQUEST" --edit-last --create-if-none --body-file comment.md

  deploy:
    if: github.event_name == 'push'
    runs-on: ubuntu-latest
    concurrency:
      group: hundredfold-deploy
      cancel-in-progress: false
    steps:
${install}      - name: Migrate up
        env:
          DIRECT_URL: \${{ secrets.DIRECT_URL }}
        # Ends with 3 where a table stays busy, with 2 where a condition fails; nothing half-done is left either way.
        run: |
          if [ -z "$DIRECT_URL" ]; then echo 'The secret DIRECT_URL is not set.' >> "$GITHUB_STEP_SUMMARY"; exit 0; fi
          ${hundredfold('migrate up --lock-budget 5m')}
          ${hundredfold('migrate verify')}

  diagnose:
    if: github.event_name == 'schedule' || github.event_name == 'workflow_dispatch'
    runs-on: ubuntu-latest
    steps:
${install}      - name: Diagnose
        env:
          DIRECT_URL: \${{ secrets.PLAN_DATABASE_URL }}
        run: |
          if [ -z "$DIRECT_URL" ]; then echo 'The secret PLAN_DATABASE_URL is not set.' >> "$GITHUB_STEP_SUMMARY"; exit 0; fi
          ${hundredfold('diagnose --fail-on error')}
      # A report names tables and statements: whoever may read this repository may read it.
      - name: Keep the report
        if: \${{ !cancelled() }}
        uses: actions/upload-artifact@v4
        with: { name: diagnostics, path: diagnostics-*, if-no-files-found: ignore }
`
}
