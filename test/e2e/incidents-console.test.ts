/** The incidents room and the work log in Chromium, on phone and desk, over the real room: a night's fault from alert to recovery. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseSlaProfiles } from '../../collector/incidents/profile.ts'
import { createIncidents } from '../../collector/incidents/run.ts'
import type { Incidents } from '../../collector/incidents/run.ts'
import { parseWording } from '../../collector/incidents/wording.ts'
import type { Alert } from '../../collector/rules/alert.ts'
import { openState } from '../../collector/state/open.ts'
import type { State } from '../../collector/state/open.ts'
import { incidentWeb } from '../../collector/web/incident-dependencies.ts'
import { type StubWeb, stubWeb } from '../web-dependencies.ts'
import { root } from './processes.ts'
import { type BrowserSite, cannotLook, consoleFolder, openBrowserSite, overflowOf, pictures } from './browser-site.ts'
import { accountsOf } from '../known-people.ts'

const MINUTE = 60_000
const shipped = (path: string): string => readFileSync(join(root, 'alerts', path), 'utf8')

function alert(name: string, labels: Record<string, string>, texts: readonly [summary: string, description: string, action: string], startedAt: number): Alert {
  const all = { alertname: name, severity: 'warning', sla: 'standard', ...labels }
  return { fingerprint: `${name}/${labels['instance']}`, group: 'g', name, labels: all, annotations: { summary: texts[0], description: texts[1], action: texts[2] }, state: 'firing', activeAt: startedAt, startedAt, firedAt: startedAt, resolvedAt: undefined, value: 0.97 }
}

describe.skipIf(cannotLook('incidents in a browser'))('incidents in a browser', () => {
  let folder = ''
  let state: State
  let room: Incidents
  let stub: StubWeb
  let house: BrowserSite | undefined
  let browser: Browser
  let site = ''
  let full: Alert
  const errors: string[] = []
  /** Behind the real time while the past is made; the browser then sees the real one. */
  let behindMs = 50 * MINUTE
  /** Around midnight in the office yesterday's work would stand on another page: there the house's clock is two hours back. */
  const shiftMs = [23, 0].includes(new Date(Date.now() + 8 * 60 * MINUTE).getUTCHours()) ? 120 * MINUTE : 0
  const now = (): number => Date.now() - shiftMs - behindMs
  const apply = (one: Alert, why?: 'condition-false' | 'no-data'): Promise<void> => room.apply([why === undefined ? { kind: 'firing', alert: one } : { kind: 'resolved', why, alert: { ...one, state: 'resolved', resolvedAt: now() } }])
  const numberOf = async (title: string): Promise<string> => (await room.search({ part: 'all', text: title, limit: 1 }))[0]?.number ?? ''

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'zhishou-incidents-console-'))
    state = await openState(join(folder, 'state.db'))
    const profiles = parseSlaProfiles(shipped('sla.yml'), 'sla.yml')
    const wording = parseWording(shipped('templates/zh-CN.yml'), 'zh-CN.yml')
    room = await createIncidents({ people: accountsOf('甲', '乙', '丙', '丁', '某单位', 'user-duty'), state, profiles, wording, clock: { now }, log: { warn: () => undefined } })
    full = alert('FilesystemFull', { instance: 'db-01', mountpoint: '/data', fault: 'disk', severity: 'critical' }, ['db-01 的 /data 已用 97%', '约 40 分钟后写满', '先看 /data/backup 中是否有旧备份'], now())
    await apply(full)
    behindMs = 30 * MINUTE
    const lost = alert('HostDown', { instance: 'hall-screen-03', system: 'business', fault: 'down' }, ['大厅 3 号屏失联', '9 秒没有心跳', '先查交换机端口'], now())
    await apply(lost)
    await apply(lost, 'no-data')
    behindMs = 0
    const incidents = incidentWeb({
      incidents: room, profiles, wording, services: () => ['business', 'video'], telemetry: () => Promise.resolve([]),
      people: accountsOf('甲', '乙', '丙', '丁', '某单位', 'user-duty'),
    })
    stub = stubWeb({ now, incidents, consoleFolder })
    room.subscribe(() => stub.hints.publish('incidents', 'overview'))
    house = await openBrowserSite(stub.web.app)
    ;({ url: site, browser } = house)
  })
  afterAll(async () => {
    await house?.close()
    await state?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function opened(width: number, height: number, role = 'duty'): Promise<{ context: BrowserContext; page: Page }> {
    const context = await browser.newContext({ viewport: { width, height }, locale: 'zh-CN', isMobile: width < 500, hasTouch: width < 500 })
    await context.addCookies([{ name: 'zhishou', value: role, url: site }])
    const page = await context.newPage()
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    return { context, page }
  }
  const overflow = overflowOf
  const confirm = (page: Page): Promise<void> => page.locator('.ant-modal-footer .ant-btn-primary:not(.ant-btn-loading)').click()

  it('on a phone: the most urgent first, taken, disposed of with evidence, and seen to recover without a reload', { timeout: 90_000 }, async () => {
    const { context, page } = await opened(390, 844)
    await page.goto(`${site}/incidents`)
    const number = await numberOf('db-01')
    await page.locator(`[data-incident="${number}"]`).waitFor()
    // The clock that runs out first stands first, and what nobody can see of is a state of its own.
    expect(await page.locator('[data-incident]').first().getAttribute('data-incident')).toBe(number)
    expect(await page.locator(`[data-incident="${await numberOf('3 号屏')}"].blind`).textContent()).toContain('数据中断')
    const clock = page.locator(`[data-incident="${number}"] [data-clock="respond"] .left`)
    const before = await clock.textContent()
    expect(before).toMatch(/^0:09:\d\d$/)
    await page.waitForTimeout(1_200)
    expect(await clock.textContent()).not.toBe(before)
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    await page.screenshot({ path: join(pictures, 'incidents-phone.png') })

    await page.locator(`[data-incident="${number}"] h3 a`).click()
    const bar = page.locator('.act-bar')
    await bar.waitFor()
    expect(await page.locator('.try').textContent()).toContain('先看 /data/backup 中是否有旧备份')
    // Under the thumb: both buttons are in the lower quarter of the screen, and large.
    for (const name of [/^响\s*应$/, /^处\s*置$/]) {
      const box = await bar.getByRole('button', { name }).boundingBox()
      expect([(box?.y ?? 0) > 633, (box?.height ?? 0) >= 48]).toEqual([true, true])
    }
    await page.screenshot({ path: join(pictures, 'incident-phone-open.png') })
    await bar.getByRole('button', { name: /^响\s*应$/ }).click()
    await page.waitForTimeout(400)
    await page.screenshot({ path: join(pictures, 'incident-phone-acknowledge.png') })
    expect((await room.get(number))?.acknowledgedBy).toBeNull()
    await page.getByRole('button', { name: '由我响应' }).click()
    await page.locator('[data-clock="respond"][data-state="stopped"]').waitFor()
    await page.getByText('user-duty（控制台）').waitFor()

    await bar.getByRole('button', { name: /^处\s*置$/ }).click()
    await confirm(page)
    await page.getByText('请填写', { exact: true }).waitFor()
    await page.getByLabel('做了什么、结果如何').fill('已清理旧备份 200 GiB')
    await confirm(page)
    await page.getByText('已报处置、未恢复').first().waitFor()
    expect(await page.locator('[data-clock="recover"]').getAttribute('data-state')).toBe('running')

    await page.locator('input[type=file]').setInputFiles({ name: '清理记录.csv', mimeType: 'text/csv', buffer: Buffer.from('目录,大小\n/data/backup,200\n') })
    const link = page.getByRole('link', { name: '清理记录.csv' })
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
    expect(download.suggestedFilename()).toBe('清理记录.csv')
    expect(readFileSync(await download.path(), 'utf8')).toBe('目录,大小\n/data/backup,200\n')
    await page.locator('input[type=file]').setInputFiles({ name: 'page.html', mimeType: 'text/html', buffer: Buffer.from('<script>1</script>') })
    await page.getByText('不接受这种类型的文件').waitFor()

    await apply(full, 'condition-false')
    await page.locator('[data-clock="recover"][data-state="stopped"]').waitFor({ timeout: 5_000 })
    expect(await page.locator(`[data-incident="${number}"]`).textContent()).toContain('已恢复')
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    await page.screenshot({ path: join(pictures, 'incident-phone-recovered.png'), fullPage: true })
    await context.close()
    // The refused file answers 422, which a browser also writes to its console.
    expect(errors.splice(0).filter((text) => !text.includes('422'))).toEqual([])
  })

  it('a fault by hotline: from the reported time, judged well with a second person, merged with its double', { timeout: 90_000 }, async () => {
    const { context, page } = await opened(390, 844)
    await page.goto(`${site}/incidents/new`)
    await page.getByLabel('故障现象').fill('视频会议终端无声音')
    await page.getByLabel('服务', { exact: true }).click()
    await page.locator('.ant-select-item-option', { hasText: '视频会议系统' }).click()
    await page.getByLabel('报告人（单位、姓名）').fill('示例区01 王某')
    await page.getByLabel('联系方式').fill('010-55550000')
    await page.waitForTimeout(300)
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    await page.screenshot({ path: join(pictures, 'incident-new-phone.png'), fullPage: true })
    await page.getByRole('button', { name: '登记并开始计时' }).click()
    await page.locator('.act-bar').waitFor()
    const number = await numberOf('视频会议终端无声音')
    expect(await page.getByRole('link', { name: '010-55550000' }).getAttribute('href')).toBe('tel:01055550000')
    expect((await room.get(number))?.report).toMatchObject({ reporter: '示例区01 王某', channel: 'hotline', by: 'user-duty' })

    const double = await room.openByHand('甲', { reporter: '示例区02', contact: '', channel: 'fax', reportedAt: now(), service: 'video', instance: '', fault: '', severity: 'info', title: '会议没有声音', description: '' })
    if (double.kind === 'refused') throw new Error(double.message)
    await page.goto(`${site}/incidents/${double.value}`)
    await page.getByRole('button', { name: '更多操作' }).click()
    await page.waitForTimeout(400)
    await page.screenshot({ path: join(pictures, 'incident-phone-more.png') })
    await page.getByRole('button', { name: '并入其他故障' }).click()
    await page.getByLabel('并入的故障编号').fill(number)
    await page.getByLabel('原因').fill('同一故障')
    await confirm(page)
    await page.getByRole('link', { name: `已并入 ${number}，时限由其继续计算` }).click()
    await page.getByText('已并入本故障的故障单（1）').waitFor()

    await page.getByRole('button', { name: '更多操作' }).click()
    await page.getByRole('button', { name: '认定恢复' }).click()
    await page.getByLabel('内容').fill('更换了音频线')
    // Whoever confirms is chosen from those the site knows; who writes it down is not offered.
    await page.getByLabel('确认人').click()
    expect(await page.locator('.ant-select-item-option').allTextContents()).toEqual(['甲', '乙', '丙', '丁', '某单位'])
    await page.getByLabel('确认人').fill('丙')
    await page.keyboard.press('Enter')
    await confirm(page)
    // It waits for the second person, and the clock runs; whoever claims it is not offered to confirm it.
    await page.getByText('恢复待确认').first().waitFor()
    expect(await room.get(number)).toMatchObject({ judgedBy: null, claim: { by: 'user-duty', asked: '丙' } })
    expect(await page.locator('[data-clock="recover"][data-state="running"]').count()).toBeGreaterThan(0)
    await page.getByRole('button', { name: '更多操作' }).click()
    await page.getByRole('button', { name: '不认可恢复' }).waitFor()
    expect(await page.getByRole('button', { name: '确认恢复' }).count()).toBe(0)
    await page.keyboard.press('Escape')
    expect(await room.confirmRecovery(number, '丙')).toMatchObject({ kind: 'done' })
    await page.reload()
    await page.locator('[data-clock="recover"][data-state="stopped"]').waitFor()
    expect(await room.get(number)).toMatchObject({ state: 'recovered', judgedBy: 'user-duty' })
    await context.close()
    expect(errors.splice(0)).toEqual([])
  })

  it('the work log: an entry by itself and one on a fault, on the day it was done', { timeout: 60_000 }, async () => {
    const { context, page } = await opened(1_440, 900)
    await page.goto(`${site}/work-log`)
    await page.getByText('这一天没有工作记录').waitFor()
    await page.getByRole('button', { name: '登记工作' }).click()
    await page.getByLabel('做了什么、结果如何').fill('每日巡检：七个系统均已查看')
    await confirm(page)
    await page.getByText('每日巡检：七个系统均已查看').waitFor()
    const number = await numberOf('db-01')
    await page.goto(`${site}/incidents/${number}`)
    await page.getByRole('button', { name: '更多操作' }).click()
    await page.getByRole('button', { name: '登记工作' }).click()
    await page.getByLabel('做了什么、结果如何').fill('复核清理结果')
    await confirm(page)
    await page.getByText('累计工时 30 分').waitFor()
    await page.screenshot({ path: join(pictures, 'incident-desk.png'), fullPage: true })
    await page.goto(`${site}/work-log`)
    await page.locator('[data-work]', { hasText: '复核清理结果' }).getByRole('link', { name: number }).waitFor()
    expect(await page.locator('[data-work]').count()).toBe(2)
    await page.screenshot({ path: join(pictures, 'work-log-desk.png') })
    await context.close()
    expect(errors.splice(0)).toEqual([])
  })

  it('who may only look is offered nothing to do', { timeout: 60_000 }, async () => {
    const { context, page } = await opened(1_440, 900, 'client-manager')
    await page.goto(`${site}/incidents/${await numberOf('3 号屏')}`)
    await page.locator('.facts').waitFor()
    expect(await page.locator('.act-bar').count()).toBe(0)
    expect(await page.getByRole('button', { name: '添加附件' }).count()).toBe(0)
    await page.goto(`${site}/work-log`)
    await page.locator('[data-work]').first().waitFor()
    expect(await page.getByRole('button', { name: '登记工作' }).count()).toBe(0)
    await page.goto(`${site}/incidents`)
    await page.locator('[data-incident]').first().waitFor()
    expect(await page.getByRole('button', { name: '登记故障' }).count()).toBe(0)
    await page.screenshot({ path: join(pictures, 'incidents-desk.png') })
    await context.close()
    expect(errors.splice(0)).toEqual([])
  })
})
