import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { programPath } from './engines.ts'

/** Starts headless Chromium; it talks to nobody by itself. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: programPath('chromium'),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** A page as one reader sees it, and what went wrong while it was opened. */
export interface OpenedPage {
  page: Page
  /** Console errors and uncaught exceptions. */
  errors: string[]
  /** Addresses that it asked for, beyond its own file. */
  requests: string[]
}

/** Opens a local file at that width and in that colour scheme. */
export async function openFile(
  browser: Browser,
  file: string,
  reader: { width: number; colorScheme: 'light' | 'dark' },
): Promise<OpenedPage> {
  const context = await browser.newContext({
    viewport: { width: reader.width, height: 900 },
    colorScheme: reader.colorScheme,
    // axe is put into the page, which its own policy would forbid.
    bypassCSP: true,
  })
  const page = await context.newPage()
  const errors: string[] = []
  const requests: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('request', (request) => {
    if (request.url() !== `file://${file}` && !request.url().startsWith('data:')) requests.push(request.url())
  })
  await page.goto(`file://${file}`)
  return { page, errors, requests }
}

/** What axe finds serious or critical, WCAG AA contrast included, as sentences. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const violations = await page.evaluate<{ id: string; impact: string; nodes: { html: string }[] }[]>(
    `axe.run().then(({ violations }) => violations)`,
  )
  return violations
    .filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes[0]?.html ?? ''}`)
}
