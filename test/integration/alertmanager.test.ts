/**
 * Side by side with the real Alertmanager: generated configurations and courses of alerts, the same posted to both, and
 * what each tells compared by receiver, group key, status, set of alerts and time.
 *
 * Tolerance: a notification may come up to 900 ms apart (both programs and the machine are busy; our timers look every
 * 100 ms). A scenario that differs is run once more by itself before it counts, since the machine may stall for longer.
 *
 * Known differences that the scenarios cannot show: a silence is over at the very millisecond of its end, where
 * Alertmanager lets that moment pass; times are kept in ms, not ns; an alert's hash in the log is its fingerprint. One
 * that they would show and that is left out: of several alerts that inhibit one, 0.25 names any one, we name all.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../collector/clock.ts'
import { reportOfPost } from '../../collector/notify/alert-report.ts'
import { externalAlertmanagerSettings, openEndpoint, startExternalAlertmanagers } from '../../collector/notify/external-alertmanager.ts'
import type { RoutedAlert } from '../../collector/notify/routed-alert.ts'
import { scaled, seed } from '../scale.ts'
import { present, startAlertmanager, startOurs, webhookServer } from './alertmanager-rig.ts'
import type { OurAlertmanager, RealAlertmanager, Told } from './alertmanager-rig.ts'
import { SECONDS, scenario } from './alertmanager-scenarios.ts'
import type { Action, Scenario } from './alertmanager-scenarios.ts'

const available = present('prometheus-alertmanager')
if (!available) console.log('skipped: prometheus-alertmanager is not installed')
const count = scaled(8, 48)
const parallel = 8
const TOLERANCE_MS = 900
const END_MS = SECONDS * 1000 + 250

const auth = { authorization: 'Bearer bearer-duty', 'content-type': 'application/json' }
type Send = (method: string, path: string, body?: unknown) => Promise<{ readonly status: number; readonly body: unknown }>

function toOurs(ours: OurAlertmanager): Send {
  return async (method, path, body) => {
    const reply = await ours.app.request(`/api/v2${path}`, { method, headers: auth, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    return { status: reply.status, body: parsed(await reply.text()) }
  }
}

function toReal(real: RealAlertmanager): Send {
  return async (method, path, body) => {
    const reply = await fetch(`${real.url}/api/v2${path}`, { method, headers: auth, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    return { status: reply.status, body: parsed(await reply.text()) }
  }
}

const parsed = (text: string): unknown => (text === '' ? undefined : JSON.parse(text))
const iso = (at: number): string => new Date(at).toISOString()

/** Carries out an action on both sides with the same bodies; `ids` are the silences' on each side. */
async function act(action: Action, sides: readonly Send[], ids: readonly Map<string, string>[]): Promise<void> {
  const now = Date.now()
  await Promise.all(
    sides.map(async (send, side) => {
      const known = ids[side]!
      switch (action.kind) {
        case 'alerts': {
          const body = action.alerts.map(({ labels, startsIn, endsIn }) => ({ labels, annotations: { summary: labels['alertname'] }, ...(startsIn === undefined ? {} : { startsAt: iso(now + startsIn) }), ...(endsIn === undefined ? {} : { endsAt: iso(now + endsIn) }), generatorURL: 'http://example.org/' }))
          expect((await send('POST', '/alerts', body)).status).toBe(200)
          return
        }
        case 'silence': {
          const reply = await send('POST', '/silences', { ...(action.changes === undefined ? {} : { id: known.get(action.changes) }), matchers: action.matchers, startsAt: iso(now), endsAt: iso(now + action.endsIn), createdBy: 'test', comment: 'test' })
          expect(reply.status).toBe(200)
          known.set(action.name, (reply.body as { silenceID: string }).silenceID)
          return
        }
        case 'expire':
          // 500: it had ended by itself.
          expect([200, 500]).toContain((await send('DELETE', `/silence/${known.get(action.name)}`)).status)
      }
    }),
  )
}

interface AlertReply {
  fingerprint: string
  labels: object
  receivers: object[]
  status: { state: string; silencedBy: string[]; inhibitedBy: string[] }
}

/** What the read routes say, without what must differ (ids of silences, times of update). */
async function views(send: Send): Promise<unknown> {
  const view = ({ fingerprint, labels, receivers, status }: AlertReply) => ({ fingerprint, labels: Object.entries(labels).sort(), receivers, state: status.state, silences: status.silencedBy.length, inhibited: status.inhibitedBy.length > 0 })
  const alerts = (await send('GET', '/alerts')).body as AlertReply[]
  const quiet = (await send('GET', '/alerts?silenced=false&inhibited=false&filter=cluster%3D%22x%22')).body as AlertReply[]
  const groups = (await send('GET', '/alerts/groups?receiver=r.')).body as { labels: object; receiver: object; alerts: AlertReply[] }[]
  const silences = (await send('GET', '/silences')).body as { status: { state: string }; matchers: object[] }[]
  return {
    alerts: alerts.map(view),
    quiet: quiet.map(view),
    groups: groups.map((group) => JSON.stringify({ labels: Object.entries(group.labels).sort(), receiver: group.receiver, alerts: group.alerts.map((one) => JSON.stringify(view(one))).sort() })).sort(),
    silences: silences.map((one) => `${one.status.state} ${JSON.stringify(one.matchers.map((matcher) => Object.entries(matcher).sort()))}`).sort(),
  }
}

/** Runs a scenario on both sides and lists what differs. */
async function compare(one: Scenario, run: string, hooks: Awaited<ReturnType<typeof webhookServer>>): Promise<{ readonly differences: readonly string[]; readonly notifications: number }> {
  const config = one.config.replaceAll(`/${one.name}/`, `/${run}/`)
  const real = await startAlertmanager(config)
  const ours = await startOurs(config)
  const differences: string[] = []
  try {
    const sides = [toReal(real), toOurs(ours)]
    const ids = [new Map<string, string>(), new Map<string, string>()]
    const start = Date.now() + 200
    const look = async (at: number): Promise<void> => {
      await wait(Math.max(0, start + at - Date.now()))
      const [expected, got] = await Promise.all(sides.map(views))
      if (JSON.stringify(expected) !== JSON.stringify(got)) differences.push(`read routes at ${at} ms: ${JSON.stringify(expected)} expected, ${JSON.stringify(got)} got`)
    }
    const looks = Promise.all([look(5_250), look(10_250)])
    for (const action of one.actions) {
      await wait(Math.max(0, start + action.at - Date.now()))
      await act(action, sides, ids)
    }
    await looks
    await wait(start + END_MS + TOLERANCE_MS - Date.now())
    differences.push(...toldDifferences(hooks.told(run), ours.told, start))
    return { differences, notifications: hooks.told(run).length }
  } finally {
    await real.stop()
    await ours.stop()
  }
}

function byThread(told: readonly Told[]): ReadonlyMap<string, readonly Told[]> {
  const threads = new Map<string, Told[]>()
  for (const one of told) threads.set(`${one.to} ${one.groupKey}`, [...(threads.get(`${one.to} ${one.groupKey}`) ?? []), one])
  return threads
}

const shown = (one: Told | undefined, start: number): string => (one === undefined ? 'nothing' : `${one.status} [${one.alerts.join(', ')}]+${one.truncated} at ${one.at - start} ms`)

function toldDifferences(expected: readonly Told[], got: readonly Told[], start: number): readonly string[] {
  const real = byThread(expected)
  const ours = byThread(got)
  const differences: string[] = []
  for (const thread of new Set([...real.keys(), ...ours.keys()])) {
    const left = real.get(thread) ?? []
    const right = ours.get(thread) ?? []
    for (let index = 0; index < Math.max(left.length, right.length); index++) {
      const one = left[index]
      const other = right[index]
      // The last one may lie beyond the end for one side only.
      if ((one ?? other)!.at - start > END_MS - TOLERANCE_MS && (one === undefined || other === undefined)) break
      const same = one !== undefined && other !== undefined && one.status === other.status && one.truncated === other.truncated && JSON.stringify(one.truncated > 0 ? one.alerts.length : one.alerts) === JSON.stringify(other.truncated > 0 ? other.alerts.length : other.alerts)
      if (!same || Math.abs(one.at - other.at) > TOLERANCE_MS) {
        differences.push(`${thread} #${index}: Alertmanager ${shown(one, start)}, ours ${shown(other, start)}`)
        break
      }
    }
  }
  return differences
}

describe.skipIf(!available)('side by side with Alertmanager', () => {
  let hooks: Awaited<ReturnType<typeof webhookServer>>
  beforeAll(async () => {
    hooks = await webhookServer()
  })
  afterAll(() => hooks.close())

  it(`${count} generated configurations tell the same`, async () => {
    console.log(`seed ${seed}`)
    const wrong: string[] = []
    let notifications = 0
    let again = 0
    for (let from = 0; from < count; from += parallel) {
      const scenarios = Array.from({ length: Math.min(parallel, count - from) }, (_, index) => scenario(seed + from + index, hooks.url))
      const results = await Promise.all(scenarios.map((one) => compare(one, one.name, hooks)))
      for (const [index, result] of results.entries()) {
        notifications += result.notifications
        if (result.differences.length === 0) continue
        again++
        const one = scenarios[index]!
        const second = await compare(one, `${one.name}-again`, hooks)
        if (second.differences.length > 0) wrong.push(`${one.name}:\n${one.config}\nfirst: ${result.differences.join('\n')}\nsecond: ${second.differences.join('\n')}`)
        else console.log(`run twice: ${one.name}: ${result.differences.join('; ').slice(0, 600)}`)
      }
    }
    console.log(`${notifications} notifications compared, ${again} scenarios run twice`)
    expect(wrong.join('\n\n')).toBe('')
    expect(notifications).toBeGreaterThan(count * 3)
  })

  it('an outside Alertmanager is told of our alerts and of their end', async () => {
    const real = await startAlertmanager('route: { receiver: r }\nreceivers: [{ name: r }]')
    const started = Date.now()
    let alerts = [pushed('A', started), pushed('B', started)]
    const push = startExternalAlertmanagers({
      endpoints: [openEndpoint(externalAlertmanagerSettings.parse({ url: real.url }), { readFile: () => '', env: {} })],
      clock: systemClock((_, error) => {
        throw error
      }),
      log: { warn: () => undefined }, evaluationMs: 15_000, alerts: () => alerts, count: () => undefined,
    })
    try {
      const send = toReal(real)
      const there = async (): Promise<readonly { readonly fingerprint: string; readonly endsAt: string }[]> => (await send('GET', '/alerts')).body as { fingerprint: string; endsAt: string }[]
      await expect.poll(async () => (await there()).map((one) => one.fingerprint).sort(), { timeout: 10_000 }).toEqual(alerts.map((one) => one.fingerprint).sort())
      // Four resend delays ahead.
      for (const one of await there()) expect(Date.parse(one.endsAt) - Date.now()).toBeGreaterThan(220_000)
      alerts = [pushed('A', started), { ...pushed('B', started), endsAt: Date.now(), updatedAt: Date.now() }]
      await expect.poll(async () => (await there()).map((one) => one.fingerprint), { timeout: 10_000 }).toEqual([pushed('A', started).fingerprint])
    } finally {
      await push.stop()
      await real.stop()
    }
  })
})

const pushed = (name: string, startsAt: number): RoutedAlert => ({ ...reportOfPost({ labels: { alertname: name }, annotations: {}, startsAt, endsAt: undefined, generatorUrl: '' }, startsAt, 0), routing: {}, endsAt: undefined })
