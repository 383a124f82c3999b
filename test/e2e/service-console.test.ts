/** The service room and the accounts' persons in Chromium, on desk and phone: the newest days are in view, and nothing unseen is green. */
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exampleSources } from '../../collector/service/example-month.fixture.ts'
import { monthFigures, monthInputs } from '../../collector/service/month.ts'
import { stubService } from '../service-dependencies.ts'
import { type StubWeb, stubWeb } from '../web-dependencies.ts'
import { type BrowserSite, cannotLook, consoleFolder, openBrowserSite, overflowOf, pictures } from './browser-site.ts'

/** Office time 2026-11-28 10:00. */
const NOW = Date.UTC(2026, 10, 28, 2)
const START = Date.UTC(2026, 1, 28, 16)
const titles = { portal: '综合服务平台', business: '网上业务信息系统', video: '视频会议系统' } as const

describe.skipIf(cannotLook('the service room in a browser'))('the service room in a browser', () => {
  let browser: Browser
  let house: BrowserSite | undefined
  let stub: StubWeb
  let site = ''
  const errors: string[] = []

  beforeAll(async () => {
    // portal is well, business had an hour's fault, video nobody has ever watched.
    const sources = {
      ...exampleSources,
      services: Object.keys(titles).map((service) => ({ service, opening: undefined })),
      faults: [{ ...exampleSources.faults[0]!, service: 'business', object: '', from: NOW - 30 * 3_600_000, to: NOW - 29 * 3_600_000 }],
      windows: [],
      blind: [{ from: START, why: 'no-data' as const, service: 'video', object: '' }],
    }
    const service = {
      ...stubService([], NOW),
      names: Object.entries(titles).map(([id, title]) => ({ service: id, title, target: 0.999 })),
      month(month: string) {
        const made = monthInputs(sources, month, NOW)
        if (made.kind !== 'known') throw new Error(made.date)
        return Promise.resolve({ kind: 'done' as const, value: { kind: 'running' as const, inputs: made.inputs, figures: monthFigures(made.inputs) } })
      },
    }
    stub = stubWeb({ now: () => NOW, service, consoleFolder })
    house = await openBrowserSite(stub.web.app)
    ;({ url: site, browser } = house)
  })
  afterAll(async () => {
    await house?.close()
  })

  async function opened(width: number, height: number, path: string, role = 'project-manager'): Promise<Page> {
    const context = await browser.newContext({ viewport: { width, height }, locale: 'zh-CN', isMobile: width < 500, hasTouch: width < 500 })
    await context.addCookies([{ name: 'zhishou', value: role, url: site }])
    const page = await context.newPage()
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(`${site}${path}`)
    return page
  }

  it.each([[1360, 900], [390, 844]])('at %i px the newest day is whole in view and the page itself does not scroll sideways', { timeout: 60_000 }, async (width, height) => {
    const page = await opened(width, height, '/service')
    const cell = page.locator('tr[data-service="portal"] button[aria-label^="综合服务平台 2026-11-28"]')
    await cell.waitFor()
    await page.screenshot({ path: join(pictures, `service-availability-${width}.png`) })
    const [box, table] = [(await cell.boundingBox())!, (await page.locator('.scroll-x').boundingBox())!]
    expect(box.x).toBeGreaterThanOrEqual(table.x)
    expect(box.x + box.width).toBeLessThanOrEqual(Math.min(width, table.x + table.width) + 0.5)
    expect(await overflowOf(page)).toBe(0)
    // So are the totals before it. Days that have not begun are not there; the oldest is reached by scrolling, beside the service's name.
    expect((await page.locator('tr[data-service="portal"] button.large').first().boundingBox())!.x).toBeGreaterThanOrEqual(table.x)
    const labels = await page.locator('tr[data-service="portal"] button:not(.large)').evaluateAll((cells) => cells.map((one) => one.getAttribute('aria-label')!.slice(7, 17)))
    expect([labels.length, labels[0], labels.at(-1)]).toEqual([28, '2026-11-28', '2026-11-01'])
    await page.locator('.scroll-x').evaluate((element) => element.scrollTo({ left: element.scrollWidth }))
    const oldest = (await page.locator('tr[data-service="portal"] button[aria-label^="综合服务平台 2026-11-01"]').boundingBox())!
    const name = (await page.locator('tr[data-service="portal"] th').boundingBox())!
    expect([oldest.x + oldest.width <= table.x + table.width + 0.5, name.x >= table.x - 0.5, oldest.x >= name.x + name.width - 0.5]).toEqual([true, true, true])
    await page.context().close()
  })

  it('a service that nobody watches says so, and neither figure of it is green', { timeout: 60_000 }, async () => {
    const page = await opened(1360, 900, '/service')
    const row = page.locator('tr[data-service="video"]')
    await row.waitFor()
    expect(await row.locator('button.large').allTextContents()).toEqual(['未监测', '未监测'])
    expect(await row.locator('button.good').count()).toBe(0)
    expect(await row.textContent()).not.toMatch(/100|0\.000/)
    expect(await page.locator('tr[data-service="portal"] button.large.good').first().textContent()).toBe('100.000%')
    await page.goto(`${site}/service/months/2026-11`)
    await page.locator('text=未监测').first().waitFor()
    await page.screenshot({ path: join(pictures, 'service-month-1360.png'), fullPage: true })
    await page.context().close()
  })

  it('a system administrator links an account to a person of the roster', { timeout: 60_000 }, async () => {
    const page = await opened(1360, 900, '/duty', 'system-admin')
    const row = page.locator('[data-account="admin"]')
    await row.waitFor()
    await row.locator('.ant-select').click()
    await page.keyboard.type('值班一')
    await page.locator('.ant-select-item-option', { hasText: '值班一（engineer-1）' }).click()
    await page.locator('.ant-message-notice', { hasText: '已保存' }).waitFor()
    await page.screenshot({ path: join(pictures, 'duty-accounts-1360.png'), fullPage: true })
    expect(stub.acts.filter(([what]) => what === 'linkPerson')).toEqual([['linkPerson', 'admin', 'engineer-1', 'user-system-admin']])
    await page.context().close()
    expect(errors).toEqual([])
  })
})
