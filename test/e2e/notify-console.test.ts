/** 通知, 静默, 路由 and “why did it not ring” in Chromium, on desk and phone, over the real notify room in memory. */
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AlertView } from '../../protocol/api.ts'
import { RIG_START, startNotifyRig } from '../notify-desk-rig.ts'
import type { NotifyRig } from '../notify-desk-rig.ts'
import { stubWeb } from '../web-dependencies.ts'
import { type BrowserSite, cannotLook, consoleFolder, openBrowserSite, overflowOf, pictures } from './browser-site.ts'

const routes = `
route:
  receiver: on-site
  group_by: [alertname, instance]
  group_wait: 5s
  group_interval: 30s
  repeat_interval: 12h
  routes:
    - { matchers: ['severity="critical"'], receiver: duty, repeat_interval: 4h }
    - { matchers: ['severity="info"'], receiver: on-site, group_by: [alertname], mute_time_intervals: [night] }
inhibit_rules: [{ source_matchers: ['severity="critical"'], target_matchers: ['severity="warning"'], equal: [instance] }]
time_intervals: [{ name: night, time_intervals: [{ times: [{ start_time: '00:00', end_time: '07:30' }, { start_time: '21:00', end_time: '24:00' }], location: Asia/Shanghai }] }]
receivers:
  - { name: duty, to: [{ channel: mail, roster: on-call }, { channel: sms, roster: on-call, send_resolved: false }] }
  - { name: on-site, to: [{ channel: mail, roster: nobody }] }
`

describe.skipIf(cannotLook('notifications in a browser'))('notifications in a browser', () => {
  let rig: NotifyRig
  let house: BrowserSite | undefined
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let site = ''
  const errors: string[] = []

  beforeAll(async () => {
    rig = await startNotifyRig(routes)
    await rig.fire('HostDown', { severity: 'critical', instance: 'web-01', system: 'portal' })
    await rig.fire('DiskFull', { severity: 'warning', instance: 'web-01' })
    await rig.fire('CertificateExpires', { severity: 'info', instance: 'gw-01' })
    await rig.fire('DatabaseDown', { severity: 'critical', instance: 'db-01', incident: 'G1' })
    await rig.pass(6_000)
    const alerts = (): readonly AlertView[] =>
      rig.dispatch.alerts().map(({ alert }) => ({
        fingerprint: `rules-${alert.fingerprint}`, name: alert.labels['alertname'] ?? '', severity: alert.labels['severity'] === 'critical' ? 'critical' : alert.labels['severity'] === 'info' ? 'info' : 'warning', state: 'firing', labels: alert.labels,
        summary: alert.annotations['summary'] ?? '', description: '', action: '', value: 1, startedAt: alert.startsAt, activeAt: alert.startsAt, resolvedAt: null, incident: null,
      }))
    const overview = async () => ({ now: rig.clock.now(), hosts: { up: 2, down: 0, planned: 0, never: 0 }, alerts: { critical: 1, warning: 1, info: 1, pending: 0 }, incidents: [], channels: await rig.outbox.overview(), selfProblems: [] })
    const { web } = stubWeb({ now: () => rig.clock.now(), alerts, overview, notify: { ...rig.desk, dispatch: rig.dispatch, startedAt: RIG_START }, consoleFolder })
    house = await openBrowserSite(web.app)
    ;({ url: site, browser } = house)
    context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'zh-CN' })
    await become('duty')
    context.setDefaultTimeout(8_000)
    page = await context.newPage()
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  })
  afterAll(async () => {
    await house?.close()
    await rig?.stop()
  })

  const become = (role: string): Promise<void> => context.addCookies([{ name: 'zhishou', value: role, url: site }])
  const picture = (name: string, fullPage = true): Promise<unknown> => page.screenshot({ path: join(pictures, `notify-${name}.png`), fullPage })
  const overflow = (): Promise<number> => overflowOf(page)

  it('an alert says why it rang, and why it did not', { timeout: 60_000 }, async () => {
    await page.goto(`${site}/alerts`)
    for (const [name, reason] of [['HostDown', 'told'], ['DiskFull', 'inhibited'], ['CertificateExpires', 'mute-time']] as const) {
      await page.locator(`[data-alert="${name}"]`).getByRole('button', { name: '为什么响／没响' }).click()
      const answer = page.locator('[data-reason]')
      await answer.waitFor()
      expect(`${name} ${await answer.getAttribute('data-reason')}`).toBe(`${name} ${reason}`)
      await page.waitForTimeout(300)
      await picture(`why-${reason}`, false)
      if (name === 'HostDown') {
        await page.getByRole('dialog').getByLabel('时刻').fill('2026-11-22T03:09')
        await page.locator('[data-reason="not-yet"]').waitFor()
      }
      await page.keyboard.press('Escape')
      await answer.waitFor({ state: 'detached' })
    }
  })

  it('an incident says when its message went', { timeout: 60_000 }, async () => {
    await page.goto(`${site}/incidents/G1`)
    await page.getByRole('button', { name: '为什么响／没响' }).click()
    await page.locator('[data-reason="told"]').waitFor()
    await page.waitForTimeout(300)
    await picture('why-incident', false)
    await page.goto(`${site}/alerts`)
  })

  it('a silence begins with the labels of its alert', { timeout: 60_000 }, async () => {
    await page.locator('[data-alert="DiskFull"]').getByRole('button', { name: /^静\s*默$/ }).click()
    const dialog = page.getByRole('dialog', { name: '新建静默' })
    await dialog.waitFor()
    expect(await dialog.getByLabel(/^值 /).evaluateAll((all) => all.map((one) => (one as unknown as { value: string }).value))).toEqual(['DiskFull', 'web-01', 'warning'])
    await dialog.getByLabel('原因').fill('扩容中')
    await page.waitForTimeout(300)
    await picture('silence-dialog', false)
    await dialog.getByRole('button', { name: /确\s*定/ }).click()
    await dialog.waitFor({ state: 'hidden' })
    rig.guarded.add('*')
    await rig.desk.silences.create({ matchers: [{ name: 'alertname', op: '=', value: 'HostDown' }], startsAt: undefined, endsAt: rig.clock.now() + 7_200_000, reason: '重保期内更换网卡' }, 'user-onsite')
    const [made] = (await rig.desk.silences.list()).silences.filter((one) => one.state === 'active')
    rig.guarded.clear()
    await rig.desk.silences.change(made!.id, { matchers: undefined, endsAt: made!.endsAt + 3_600_000, reason: '扩容未完成' }, 'user-duty')
    await page.goto(`${site}/silences`)
    await page.locator('[data-overrun="extended"]').waitFor()
    await picture('silences')
    const waiting = page.locator('[data-state="waiting"]')
    expect(await waiting.textContent()).toContain('确认前不静默任何告警')
    await waiting.getByRole('button', { name: '确认静默' }).click()
    await page.locator('.ant-popconfirm').getByRole('button', { name: /确\s*定/ }).click()
    await waiting.waitFor({ state: 'detached' })
    expect((await rig.desk.silences.list()).silences.filter((one) => one.state === 'active')).toHaveLength(2)
    await page.getByText('由 user-duty 于').waitFor()
  })

  it('channels are tried, the outbox shows its receipts, the tree answers', { timeout: 60_000 }, async () => {
    await page.goto(`${site}/notify`)
    await page.locator('[data-channel="sms"] [data-budget]').waitFor()
    await page.locator('[data-channel="mail"]').getByRole('button', { name: /测\s*试/ }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('接收邮箱').fill('li@example.org')
    await dialog.getByRole('button', { name: /确\s*定/ }).click()
    await page.getByText('测试消息已送达').waitFor()
    await page.locator('[data-message]').nth(2).waitFor()
    await picture('channels')
    await page.locator('[data-message]').first().getByRole('button', { name: '查看内容' }).click()
    await page.getByText('正文 test').waitFor()
    await page.keyboard.press('Escape')
    await page.goto(`${site}/routing`)
    await page.locator('[data-receiver="duty"]').waitFor()
    await page.getByRole('button', { name: /^试\s*算$/ }).click()
    await page.locator('[data-tried]').first().waitFor()
    await picture('routing')
    expect(await page.locator('[data-tried="false"]').textContent()).toContain('被静默')
  })

  it('when nobody can be reached every room says so', { timeout: 60_000 }, async () => {
    rig.answers.set('mail', { kind: 'try-again', why: '451 try later', channelDown: true })
    rig.answers.set('sms', { kind: 'try-again', why: 'gateway unreachable', channelDown: true })
    await rig.fire('PowerLost', { severity: 'critical', instance: 'ups-01' })
    await rig.pass(6_000)
    for (const room of ['overview', 'hosts', 'notify']) {
      await page.goto(`${site}/${room}`)
      await page.getByRole('alert').filter({ hasText: '全部通知渠道均不可用' }).waitFor()
    }
    await page.locator('[data-channel="mail"][data-state="down"]').waitFor()
    await picture('all-down')
  })

  it('fits a phone', { timeout: 60_000 }, async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    for (const room of ['notify', 'silences', 'routing', 'alerts']) {
      await page.goto(`${site}/${room}`)
      await page.locator('[data-channel], [data-silence], [data-route], [data-alert]').first().waitFor()
      await page.waitForTimeout(300)
      await picture(`phone-${room}`)
      expect(await overflow(), room).toBeLessThanOrEqual(0)
    }
    await page.locator('[data-alert="PowerLost"]').getByRole('button', { name: '为什么响／没响' }).click()
    await page.locator('[data-reason="channel-failed"]').waitFor()
    await page.waitForTimeout(300)
    await picture('phone-why', false)
    expect(errors).toEqual([])
  })
})
