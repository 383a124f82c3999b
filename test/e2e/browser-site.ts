/** What the suites that look at the console in Chromium have in common: whether they can run, a site on loopback, a browser. */
import { getRequestListener } from '@hono/node-server'
import { existsSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Browser, type Page, chromium } from 'playwright-core'
import { root } from './processes.ts'

const browserPath = '/usr/bin/chromium'

/** The built console. */
export const consoleFolder = join(root, 'dist', 'console')

/** Where pictures for looking at go. */
export const pictures = join(root, 'dist', 'pictures')

/** Whether `what` cannot be looked at here; says why, once. */
export function cannotLook(what: string): boolean {
  const missing = [existsSync(browserPath) ? '' : browserPath, existsSync(join(consoleFolder, 'index.html')) ? '' : 'dist/console (npm run build:console)'].filter(Boolean)
  if (missing.length > 0) console.log(`skipped: ${what} needs ${missing.join(' and ')}`)
  return missing.length > 0
}

/** An app served on loopback, and a browser to look at it. */
export interface BrowserSite {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly browser: Browser
  close(): Promise<void>
}

/** Serves the app and starts Chromium. Rejects when either does not start. */
export async function openBrowserSite(app: { readonly fetch: Parameters<typeof getRequestListener>[0] }): Promise<BrowserSite> {
  mkdirSync(pictures, { recursive: true })
  const listener = getRequestListener(app.fetch)
  const server = createServer((request, response) => void listener(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    browser,
    async close() {
      await browser.close()
      server.closeAllConnections()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}

/** How far the page itself scrolls sideways, pixels. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}
