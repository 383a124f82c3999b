/**
 * Two faults from end to end with real parts: sized tmpfs fill, the shipped rule fires, an incident opens for each, one mail
 * each reaches the engineer on duty through a real SMTP server. One is acknowledged in the console, the other by the link in
 * its mail on a phone; one is disposed of in Chromium; the files are removed, and telemetry recovers both.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { simpleParser, type ParsedMail } from 'mailparser'
import { type Browser, type Page, chromium } from 'playwright-core'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { IncidentDetail, IncidentSummary } from '../../protocol/api.ts'
import { freePort } from '../ports.ts'
import { type Program, type RunningCollector, agentAt, collectorAt, eventually, privileged, root, sizedTmpfs, workFolder } from './processes.ts'

const browserPath = '/usr/bin/chromium'
const missing = [privileged ? '' : 'root (to mount a tmpfs)', existsSync(browserPath) ? '' : browserPath].filter(Boolean)
if (missing.length > 0) console.log(`skipped: the whole chain needs ${missing.join(' and ')}`)

const newPassword = 'Watch-tower-2026'

describe.skipIf(missing.length > 0)('one fault, told once', () => {
  const work = workFolder()
  const disk = join(work.path, 'disk')
  const otherDisk = join(work.path, 'other')
  const pictures = join(root, 'dist', 'pictures')
  const mails: ParsedMail[] = []
  const unmounts: (() => void)[] = []
  let collector: RunningCollector
  let agent: Program
  let smtp: SMTPServer
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true })
    unmounts.push(sizedTmpfs(disk, '16m'), sizedTmpfs(otherDisk, '16m'))
    const smtpPort = await freePort()
    smtp = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData(stream, _session, done) {
        simpleParser(stream).then((mail) => {
          mails.push(mail)
          done()
        }, done)
      },
    })
    await new Promise<void>((resolve) => smtp.listen(smtpPort, '127.0.0.1', () => resolve()))
    const routesFile = join(work.path, 'routes.yml')
    writeFileSync(routesFile, `
route:
  receiver: duty
  group_by: [incident]
  group_wait: 1s
  group_interval: 10s
  repeat_interval: 4h
  routes:
    # Only faults under an SLA are told in this test; the watchdog and notices are not.
    - matchers: ['sla=""']
      receiver: nobody
receivers:
  - name: duty
    to: [{ channel: mail, roster: on-call }]
  - name: nobody
`)
    const dutyFile = join(work.path, 'duty.yml')
    writeFileSync(dutyFile, `
people: [{ id: engineer-1, name: 示例工程师一, roles: [on-call], addresses: { mail: duty@example.org } }]
roles: [{ name: on-call, title: 值班工程师 }]
rosters: [{ name: all, title: 全天, rotation: { anchor: 2026-01-01, unit: day, turns: [engineer-1] }, shifts: [{ name: day, title: 全天班, days: [workday, makeup, weekend, holiday], start: '08:00', end: '08:00' }] }]
`)
    const escalationFile = join(work.path, 'escalation.yml')
    writeFileSync(escalationFile, 'policies: [{ name: all, steps: [{ clock: respond, used: 50, to: [on-call] }] }]\n')
    const settings = (tls: string): string => `
duty: { file: ${dutyFile}, escalationFile: ${escalationFile} }
notify:
  consoleUrl: ${tls}
  routesFile: ${routesFile}
  channels:
    mail: { kind: email, host: 127.0.0.1, port: ${smtpPort}, plain: true, from: zhishou@example.org }
`
    collector = await collectorAt(join(work.path, 'collector'), settings)
    await collector.start()
    agent = await agentAt(join(work.path, 'agent'), '示例主机01', collector, { settings: 'interval: 5s\n' })
    browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] })
    page = await browser.newPage({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 860 } })
  })

  afterAll(async () => {
    await browser?.close()
    await agent?.end('SIGTERM')
    await collector?.program().end('SIGTERM')
    await new Promise<void>((resolve) => (smtp === undefined ? resolve() : smtp.close(() => resolve())))
    for (const unmount of unmounts) unmount()
    work.clean()
  })

  const incidents = async (): Promise<IncidentSummary[]> => (await collector.get<{ incidents: IncidentSummary[] }>('/api/zhishou/v1/incidents?state=all')).incidents
  const about = async (path: string): Promise<IncidentSummary | undefined> => (await incidents()).find((one) => one.object.includes(path))
  const mailsOf = (number: string): readonly ParsedMail[] => mails.filter((one) => one.subject?.includes(number))
  const incident = (number: string): Promise<IncidentDetail> => collector.get<IncidentDetail>(`/api/zhishou/v1/incidents/${number}`)

  it('walks from the first bad sample to recovery by telemetry', { timeout: 280_000 }, async () => {
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))

    // A person signs in with the one-time password and must replace it; the password leaves the file.
    await eventually('the host is up', 30_000, async () => (await collector.query('up{instance="示例主机01"}'))[0]?.value === 1)
    const first = collector.first()
    await page.goto(`${collector.tls}/`)
    await page.getByLabel('账号').fill(first.admin.user)
    await page.getByLabel('密码').fill(first.admin.password)
    await page.getByRole('button', { name: /登/ }).click()
    await page.getByLabel('当前密码').fill(first.admin.password)
    await page.getByLabel('新密码', { exact: true }).fill(newPassword)
    await page.getByLabel('再次输入新密码').fill(newPassword)
    await page.getByRole('button', { name: '保存并进入' }).click()
    await page.getByRole('heading', { name: '总览' }).waitFor()
    expect(readFileSync(join(collector.home, 'first-run.json'), 'utf8')).not.toContain(first.admin.password)

    // The fault.
    const filledAt = Date.now()
    for (const path of [disk, otherDisk]) writeFileSync(join(path, 'full'), Buffer.alloc(15.7 * 1024 * 1024, 1))
    const opened = await eventually('an incident opens', 150_000, () => about(disk))
    const other = await eventually('another opens', 30_000, () => about(otherDisk))
    expect(opened.state).toBe('open')
    expect(opened.severity).toBe('critical')
    // The clocks start at the first bad sample, not at the end of the rule's `for`.
    expect(opened.startedAt).toBeGreaterThanOrEqual(filledAt - 1_000)
    expect(opened.startedAt).toBeLessThanOrEqual(filledAt + 12_000)
    expect(opened.clocks.map((clock) => [clock.clock, clock.limitMs, clock.state])).toEqual([
      ['respond', 3_600_000, 'running'],
      ['dispose', 7_200_000, 'running'],
      ['recover', 86_400_000, 'running'],
    ])

    // The mail.
    const mail = await eventually('a mail arrives', 30_000, () => mailsOf(opened.number)[0])
    const text = mail.text ?? ''
    expect(mail.subject).toContain(opened.number)
    expect(text).toContain('示例主机01')
    expect(text).toContain(disk)
    expect(text).toMatch(/响应[^\n]*(剩余|还剩)/)
    expect(text).toMatch(/处置[^\n]*(剩余|还剩)/)
    expect(text).toMatch(/恢复[^\n]*(剩余|还剩)/)
    expect(text).toContain('先做')

    // The console, live: no reload.
    const card = page.locator(`[data-incident="${opened.number}"]`)
    await card.waitFor({ timeout: 20_000 })
    await page.screenshot({ path: join(pictures, 'overview-fault.png') })
    await card.getByRole('link').first().click()
    await page.getByRole('button', { name: /^响\s*应$/ }).waitFor()
    expect(await page.locator('[data-clock="respond"]').getAttribute('data-state')).toBe('running')
    await page.getByRole('button', { name: /^响\s*应$/ }).click()
    await page.getByRole('button', { name: '由我响应' }).click()
    await page.locator('[data-clock="respond"][data-state="stopped"]').waitFor({ timeout: 10_000 })
    expect((await incident(opened.number)).acknowledgedBy).toBe(first.admin.user)

    // A disposal needs a text; with the file system still full it is kept as not yet recovered.
    await page.getByRole('button', { name: /^处\s*置$/ }).click()
    await page.locator('.ant-modal-footer .ant-btn-primary').click()
    await page.getByText('请填写', { exact: true }).waitFor()
    await page.getByLabel('做了什么、结果如何').fill('已通知应用方清理临时文件')
    await page.locator('.ant-modal-footer .ant-btn-primary').click()
    await page.locator('[data-clock="dispose"][data-state="stopped"]').waitFor({ timeout: 10_000 })
    const disposed = await incident(opened.number)
    expect(disposed.state).toBe('disposed')
    expect(disposed.recoveredAt).toBeNull()
    expect(disposed.timeline.some((entry) => entry.text.includes('未恢复'))).toBe(true)
    await page.setViewportSize({ width: 390, height: 844 })
    await page.screenshot({ path: join(pictures, 'incident-phone.png'), fullPage: true })
    await page.setViewportSize({ width: 1280, height: 860 })

    // The other one is acknowledged by the link in its mail, on a phone without script: looking is not acknowledging.
    const link = /https:\S+\/a\/\S+/.exec((await eventually('its mail arrives', 30_000, () => mailsOf(other.number)[0])).text ?? '')?.[0] ?? ''
    const phone = await browser.newPage({ ignoreHTTPSErrors: true, javaScriptEnabled: false, viewport: { width: 390, height: 844 } })
    await phone.goto(link)
    await phone.screenshot({ path: join(pictures, 'link-ask.png'), fullPage: true })
    expect(await phone.getByText(other.number).count()).toBeGreaterThan(0)
    expect((await incident(other.number)).acknowledgedBy).toBeNull()
    await phone.getByRole('button').click()
    await eventually('the link counts', 10_000, async () => (await incident(other.number)).acknowledgedBy === '示例工程师一')
    await phone.screenshot({ path: join(pictures, 'link-done.png'), fullPage: true })
    expect((await incident(other.number)).timeline.some((entry) => entry.text.includes('示例工程师一') && entry.text.includes('链接'))).toBe(true)
    await phone.close()

    // Recovery is telemetry's.
    for (const path of [disk, otherDisk]) rmSync(join(path, 'full'))
    await eventually('telemetry recovers it', 120_000, async () => (await incident(opened.number)).state === 'recovered')
    await page.locator('[data-clock="recover"][data-state="stopped"]').waitFor({ timeout: 20_000 })
    await page.screenshot({ path: join(pictures, 'incident-recovered.png'), fullPage: true })

    // Told once when it opened and once when it was over, whatever joined it and whoever acted in between.
    for (const { number } of [opened, other]) {
      await eventually('the recovery is told', 90_000, () => mailsOf(number)[1])
      expect(mailsOf(number).map((one) => one.subject?.includes('【已恢复】'))).toEqual([false, true])
    }
    for (const path of [disk, otherDisk]) expect((await incidents()).filter((one) => one.object.includes(path))).toHaveLength(1)
    expect(errors).toEqual([])
  })

  it('shows every room on desktop and phone without a script error', { timeout: 120_000 }, async () => {
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    for (const [width, height, name] of [[1280, 860, 'desktop'], [390, 844, 'phone']] as const) {
      await page.setViewportSize({ width, height })
      for (const room of ['overview', 'incidents', 'alerts', 'hosts', 'self'] as const) {
        await page.goto(`${collector.tls}/${room}`)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await page.waitForTimeout(600)
        const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
        expect(overflow, `${room} at ${width} px scrolls sideways`).toBeLessThanOrEqual(0)
        await page.screenshot({ path: join(pictures, `${room}-${name}.png`) })
      }
      await page.goto(`${collector.tls}/hosts/${encodeURIComponent('示例主机01')}`)
      await page.locator('[data-lines]').first().waitFor()
      await eventually('charts have lines', 20_000, async () => (await page.locator('[data-lines]').evaluateAll((all) => all.filter((one) => Number(one.getAttribute('data-lines')) > 0).length)) >= 4)
      await page.waitForTimeout(500)
      await page.screenshot({ path: join(pictures, `host-${name}.png`), fullPage: true })
    }
    expect(errors).toEqual([])
  })
})
