import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { manualClock } from '../../test/manual-clock.ts'
import { seed } from '../../test/scale.ts'
import { openPki } from '../access/pki.ts'
import { RESEND_MS, RESOLVED_MS, externalAlertmanagerSettings, openEndpoint, postableAlert, startExternalAlertmanagers, toSend } from './external-alertmanager.ts'
import type { SentMark } from './external-alertmanager.ts'
import type { RoutedAlert } from './routed-alert.ts'

const START = Date.UTC(2026, 10, 22)
const alert = (name: string, over: Partial<RoutedAlert> = {}): RoutedAlert => ({ fingerprint: name, labels: { alertname: name }, routing: {}, annotations: { summary: 's' }, startsAt: START, endsAt: undefined, updatedAt: START, timeout: false, generatorUrl: '', origin: 'rules', ...over })

describe('toSend', () => {
  it('sends what fires at once and every minute, an end for fifteen minutes, and never the end of what was not told', () => {
    const sent = new Map<string, SentMark>([['known', { at: START, resolved: false }], ['over', { at: START, resolved: true }]])
    const names = (alerts: readonly RoutedAlert[], now: number): readonly string[] => toSend(alerts, sent, now).map((one) => one.fingerprint)
    expect(names([alert('new'), alert('known')], START + 1_000)).toEqual(['new'])
    expect(names([alert('known')], START + RESEND_MS)).toEqual(['known'])
    expect(names([alert('known', { updatedAt: START + 5 })], START + 10)).toEqual(['known'])
    expect(names([alert('known', { endsAt: START + 500 })], START + 1_000)).toEqual(['known'])
    expect(names([alert('unknown', { endsAt: START + 500 })], START + 1_000)).toEqual([])
    expect(names([alert('over', { endsAt: START })], START + RESOLVED_MS)).toEqual(['over'])
    expect(names([alert('over', { endsAt: START })], START + RESOLVED_MS + 1)).toEqual([])
  })
  it('an alert that keeps firing is never older there than the end that was sent', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 30_000 }), { maxLength: 60 }), fc.integer({ min: 1_000, max: 120_000 }), (steps, evaluationMs) => {
      const sent = new Map<string, SentMark>()
      let now = START
      let endsThere = Infinity
      for (const step of steps) {
        now += step
        expect(now).toBeLessThan(endsThere)
        for (const one of toSend([alert('a')], sent, now)) {
          sent.set('a', { at: now, resolved: false })
          endsThere = Date.parse((postableAlert(one, now, evaluationMs) as { endsAt: string }).endsAt)
        }
      }
    }), { seed })
  })
})

describe('pushing', () => {
  let server: Server | undefined
  afterEach(() => {
    server?.closeAllConnections()
    server?.close()
  })
  async function peer(answer: () => number): Promise<{ readonly url: string; readonly taken: { authorization: string | undefined; alerts: { labels: { alertname: string }; endsAt: string }[] }[] }> {
    const taken: { authorization: string | undefined; alerts: { labels: { alertname: string }; endsAt: string }[] }[] = []
    server = createServer((request, response) => {
      let text = ''
      request.on('data', (part: Buffer) => (text += part.toString())).on('end', () => {
        response.statusCode = answer()
        if (response.statusCode === 200) taken.push({ authorization: request.headers.authorization, alerts: JSON.parse(text) as [] })
        response.end('no')
      })
    })
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    return { url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/am/`, taken }
  }
  const world = { readFile: () => 'word\n', env: { TOKEN: 'tok' } }

  it('sends with its credentials, waits out a failure, tells the end, and drops the oldest of what is too much, counted', async () => {
    let status = 503
    const { url, taken } = await peer(() => status)
    const clock = manualClock(START)
    const counts: string[] = []
    let alerts = [alert('a'), alert('b')]
    const push = startExternalAlertmanagers({
      endpoints: [openEndpoint(externalAlertmanagerSettings.parse({ url, user: 'u', passwordFile: '/x' }), world)],
      clock, log: { warn: () => undefined }, evaluationMs: 15_000, alerts: () => alerts, count: (_, outcome, number) => void counts.push(`${outcome} ${number}`),
    })
    await push.look()
    expect(counts).toEqual(['failed 2'])
    status = 200
    await push.look()
    expect(taken[0]!.authorization).toBe(`Basic ${Buffer.from('u:word').toString('base64')}`)
    expect(taken[0]!.alerts.map((one) => [one.labels.alertname, Date.parse(one.endsAt) - START])).toEqual([['a', 240_000], ['b', 240_000]])
    alerts = [alert('a', { endsAt: START + 10 }), alert('b')]
    await clock.advance(20)
    await push.look()
    expect(taken[1]!.alerts.map((one) => [one.labels.alertname, Date.parse(one.endsAt) - START])).toEqual([['a', 10]])
    alerts = Array.from({ length: 10_100 }, (_, index) => alert(`n${index}`))
    await push.look()
    expect(counts.filter((one) => one.startsWith('dropped'))).toEqual(['dropped 100'])
    expect(taken.slice(2).flatMap((one) => one.alerts)).toHaveLength(10_000)
    status = 400
    alerts = [alert('bad')]
    await push.look()
    status = 200
    alerts = []
    await push.look()
    expect(taken.at(-1)!.alerts.map((one) => one.labels.alertname)).not.toContain('bad')
    await push.stop()
  }, 30_000)

  it('speaks TLS to a peer whose authority it was given, and to no other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'zhishou-external-'))
    const pki = await openPki({ folder, names: ['127.0.0.1'] }, Date.now())
    const { certificate, key, authorities } = pki.tls()
    let taken = 0
    const secure = createSecureServer({ cert: certificate, key }, (request, response) => {
      request.resume().on('end', () => {
        taken++
        response.end()
      })
    })
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve))
    const address = secure.address()
    const url = `https://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
    const outcomes: string[] = []
    try {
      for (const ca of [undefined, authorities.join('\n')]) {
        const settings = externalAlertmanagerSettings.parse({ url, tokenEnv: 'TOKEN', ...(ca === undefined ? {} : { caFile: '/ca.pem' }) })
        const push = startExternalAlertmanagers({ endpoints: [openEndpoint(settings, { readFile: () => ca ?? '', env: world.env })], clock: manualClock(START), log: { warn: () => undefined }, evaluationMs: 1_000, alerts: () => [alert('a')], count: (_, outcome) => void outcomes.push(outcome) })
        await push.look()
        await push.stop()
      }
      expect(outcomes).toEqual(['failed', 'sent'])
      expect(taken).toBe(1)
    } finally {
      secure.closeAllConnections()
      secure.close()
      rmSync(folder, { recursive: true })
    }
  })

  it('settings refuse half a credential, and secrets that are not there', () => {
    expect(externalAlertmanagerSettings.safeParse({ url: 'http://h', user: 'u' }).success).toBe(false)
    expect(externalAlertmanagerSettings.safeParse({ url: 'http://h', user: 'u', passwordEnv: 'A', tokenEnv: 'B' }).success).toBe(false)
    expect(externalAlertmanagerSettings.safeParse({ url: 'ftp://h' }).success).toBe(false)
    expect(openEndpoint(externalAlertmanagerSettings.parse({ url: 'http://h/x/', tokenEnv: 'TOKEN' }), world)).toEqual({ url: 'http://h/x/api/v2/alerts', authorization: 'Bearer tok', ca: undefined })
    expect(() => openEndpoint(externalAlertmanagerSettings.parse({ url: 'http://h', tokenEnv: 'NONE' }), world)).toThrow('NONE')
  })
})
