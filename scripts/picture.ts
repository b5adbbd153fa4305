// Writes docs/report.webp, the picture of the report in the README, from the newest run of `npm run demo`: `npm run picture`.
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openFile, startBrowser } from '../test/support/browser.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const demos = join(root, '.demo')
const newest = readdirSync(demos).sort().at(-1)
if (newest === undefined) throw new Error(`${demos} is empty: the demo fills it`)

const browser = await startBrowser()
try {
  const report = join(demos, newest, 'before.html')
  const { page } = await openFile(browser, report, { width: 1280, colorScheme: 'light' })
  await page.locator('summary').nth(1).click()
  const session = await page.context().newCDPSession(page)
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 60 })
  writeFileSync(join(root, 'docs', 'report.webp'), Buffer.from(data, 'base64'))
} finally {
  await browser.close()
}
