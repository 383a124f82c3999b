import { describe, expect, it } from 'vitest'
import type { Person } from '../duty/duty-file.ts'
import type { Incident } from '../incidents/incident.ts'
import { open } from '../incidents/step.ts'
import type { StateTransaction } from '../state/open.ts'
import { addressOn, deliver, waysOf } from './deliver.ts'
import type { DeliverDependencies, WayWorld } from './deliver.ts'
import type { Notification } from './flush.ts'
import type { AckWays } from './notice.ts'
import type { OutboxItem } from './outbox-storage.ts'
import type { MessagePayload } from './payload.ts'
import type { Integration } from './receiver.ts'
import type { RoutedAlert } from './routed-alert.ts'

const MINUTE = 60_000
const NOW = Date.UTC(2026, 10, 22, 2)
const person = (id: string, addresses: Person['addresses']): Person => ({ id, name: `${id} 先生`, roles: [], addresses, from: undefined, until: undefined })
const li = person('li', { mail: 'li@example.org', phone: '13800000001' })
const wang = person('wang', { phone: '13800000002' })
const people = new Map([li, wang].map((one) => [one.id, one]))
const kinds = { mail: 'email', sms: 'sms-http', ops: 'wecom', hook: 'webhook' } as const
const world: WayWorld = {
  channelKind: (name) => (Object.hasOwn(kinds, name) ? kinds[name as keyof typeof kinds] : undefined),
  hookChannel: (url) => (url === 'http://known.example.org/' ? 'hook-1' : undefined),
  recipients: ([name]) => ({ people: name === 'on-call' ? [li, wang].map((one) => ({ person: one, as: 'on-call' })) : [], passed: [] }),
  person: (id) => people.get(id),
}
const way = (channel: string, changes: Partial<Extract<Integration, { kind: 'channel' }>> = {}): Integration => ({ kind: 'channel', name: `${channel}/0`, sendResolved: true, channel, addresses: [], roster: undefined, people: [], ...changes })
const seen = (integration: Integration): readonly string[] => waysOf(integration, world).map((one) => `${one.channel} ${one.to.join('+')} ${one.person?.id ?? '-'}`)

describe('waysOf', () => {
  it('tells each person of a roster by a message of their own, leaving out who has no address there', () => {
    expect(seen(way('sms', { roster: 'on-call' }))).toEqual(['sms 13800000001 li', 'sms 13800000002 wang'])
    expect(seen(way('mail', { roster: 'on-call' }))).toEqual(['mail li@example.org li'])
    expect(seen(way('mail', { roster: 'nobody-there' }))).toEqual([])
  })

  it('tells a named person once, also where the roster has them too, and given addresses together', () => {
    expect(seen(way('sms', { people: ['li', 'ghost'], roster: 'on-call' }))).toEqual(['sms 13800000001 li', 'sms 13800000002 wang'])
    expect(seen(way('mail', { addresses: ['a@example.org', 'b@example.org'], people: ['li'] }))).toEqual(['mail a@example.org+b@example.org -', 'mail li@example.org li'])
  })

  it('takes a robot or a webhook as an address itself', () => {
    expect(seen(way('ops', { roster: 'on-call' }))).toEqual(['ops ops -'])
    expect(seen(way('hook'))).toEqual(['hook hook -'])
    expect(seen({ kind: 'webhook', name: 'webhook/0', sendResolved: true, url: 'http://known.example.org/', maxAlerts: 0 })).toEqual(['hook-1 hook-1 -'])
  })

  it('has no way by what is not set up', () => {
    expect(seen(way('pager', { roster: 'on-call' }))).toEqual([])
    expect(seen({ kind: 'webhook', name: 'webhook/0', sendResolved: true, url: 'http://other.example.org/', maxAlerts: 0 })).toEqual([])
    expect([addressOn('email', wang), addressOn('sms-aliyun', wang), addressOn('wecom', li)]).toEqual([undefined, '13800000002', undefined])
  })
})

const incident: Incident = open(
  {
    type: 'open', id: 7, number: 'F-7', key: 'k', service: 'portal', instance: 'h1', part: '', fault: 'disk',
    profile: { name: 'standard', title: '标准', origin: '测试', respondMs: 60 * MINUTE, disposeMs: 120 * MINUTE, recoverMs: 1_440 * MINUTE, reopenWithinMs: 30 * MINUTE },
    alert: { fingerprint: 'f', name: 'DiskFull', labels: {}, severity: 'critical', summary: '满了', description: '', action: '', value: 1, activeAt: NOW, startedAt: NOW },
  },
  NOW,
).incident
const alert = (labels: Record<string, string>, endsAt?: number): RoutedAlert => ({ fingerprint: JSON.stringify(labels), labels, routing: labels, annotations: {}, startsAt: NOW, endsAt, updatedAt: NOW, timeout: false, generatorUrl: '', origin: 'rules' })
const notification = (changes: Partial<Notification> = {}): Notification => ({
  groupKey: '{}:{incident="F-7"}', receiver: 'duty', integration: way('mail', { roster: 'on-call' }), at: NOW, news: 'first', status: 'firing',
  alerts: [alert({ alertname: 'DiskFull', incident: 'F-7' })], truncatedAlerts: 0, groupLabels: {}, commonLabels: {}, commonAnnotations: {}, ...changes,
})
/** The transaction is only handed on. */
const trx = {} as StateTransaction

function rig(changes: Partial<DeliverDependencies> = {}) {
  const items: OutboxItem[] = []
  const unreached: string[] = []
  const deps: DeliverDependencies = {
    ...world,
    receivers: () => [],
    closing: () => Promise.resolve({ by: '李四', at: 5_000, text: '设备已拆除' }),
    incident: (_, number) => Promise.resolve(number === 'F-7' ? incident : undefined),
    enqueue: (given, item) => {
      expect(given).toBe(trx)
      items.push(item)
      return Promise.resolve(item.to.map((address) => `id-${address}`))
    },
    works: () => ({}),
    ack: () => Promise.resolve(undefined),
    told: (receiver, integration, reached) => void (reached || unreached.push(`${receiver} ${integration}`)),
    ...changes,
  }
  return { items, unreached, deliver: (one: Notification) => deliver(deps, one, trx), payloads: () => items.map((item) => item.payload as MessagePayload) }
}
const whats = (payloads: readonly MessagePayload[]): readonly string[] => payloads.map((one) => (one.kind === 'incident' ? `${one.what} ${one.round}` : one.kind))

describe('deliver', () => {
  it('queues one message for each way, named after whom it reaches, and returns their ids', async () => {
    const { deliver: run, items } = rig()
    expect(await run(notification({ integration: way('sms', { roster: 'on-call', addresses: ['13800000009'] }) }))).toEqual(['id-13800000009', 'id-13800000001', 'id-13800000002'])
    expect(items.map((item) => [item.channel, item.receiver, item.to, item.incidentId])).toEqual([
      ['sms', 'duty', ['13800000009'], 7],
      ['sms', 'li 先生', ['13800000001'], 7],
      ['sms', 'wang 先生', ['13800000002'], 7],
    ])
  })

  it('tells by what a fault ended: the telemetry, two people, or a close without either', async () => {
    const ended = async (changes: Partial<Incident>): Promise<MessagePayload | undefined> => {
      const { deliver: run, payloads } = rig({ incident: () => Promise.resolve({ ...incident, ...changes }) })
      await run(notification({ status: 'resolved' }))
      return payloads()[0]
    }
    const at = NOW + MINUTE
    expect(await ended({ state: 'recovered', recoveredAt: at })).toMatchObject({ what: 'recovered', closing: null })
    expect(await ended({ state: 'closed', recoveredAt: at, closedAt: at })).toMatchObject({ what: 'recovered', closing: null })
    expect(await ended({ state: 'recovered', recoveredAt: at, judged: { by: '甲', confirmedBy: '乙', text: '正常', at } })).toMatchObject({ what: 'judged', closing: null })
    expect(await ended({ state: 'closed', closedAt: at })).toMatchObject({ what: 'closed', closing: { by: '李四', at: 5_000, text: '设备已拆除' } })
  })

  it('has one key for one notification to one address, another for another time, address, place or group', async () => {
    const { deliver: run, items } = rig()
    const variants = [notification(), notification({ at: NOW + 1 }), notification({ receiver: 'boss' }), notification({ groupKey: '{}:{}' }), notification({ integration: { ...way('mail', { roster: 'on-call' }), name: 'mail/1' } }), notification({ integration: way('mail', { addresses: ['x@example.org'] }) })]
    for (const one of variants) await run(one)
    expect(new Set(items.map((item) => item.dedupKey)).size).toBe(variants.length)
    await run(notification())
    expect(items.at(-1)!.dedupKey).toBe(items[0]!.dedupKey)
  })

  it('says what has become of the incident: opened, reopened, still running, recovered', async () => {
    const { deliver: run, payloads } = rig()
    await run(notification())
    await run(notification({ news: 'new-firing' }))
    await run(notification({ news: 'repeat' }))
    await run(notification({ news: 'all-resolved', status: 'resolved' }))
    expect(whats(payloads())).toEqual(['opened 0', 'opened 0', 'reminded 0', 'recovered 0'])
    const again = rig({ incident: () => Promise.resolve({ ...incident, reopenings: 2 }) })
    await again.deliver(notification())
    await again.deliver(notification({ news: 'all-resolved', status: 'resolved' }))
    expect(whats(again.payloads())).toEqual(['reopened 2', 'recovered 2'])
  })

  it('lists alerts where they are of no incident, of several, or of one that is not there', async () => {
    const { deliver: run, items, payloads } = rig()
    await run(notification({ alerts: [alert({ alertname: 'A' })] }))
    await run(notification({ alerts: [alert({ alertname: 'A', incident: 'F-7' }), alert({ alertname: 'A', incident: 'F-8' })] }))
    await run(notification({ alerts: [alert({ alertname: 'A', incident: 'F-7' }), alert({ alertname: 'A' })] }))
    await run(notification({ alerts: [alert({ alertname: 'A', incident: 'F-99' })] }))
    expect(whats(payloads())).toEqual(['alerts', 'alerts', 'alerts', 'alerts'])
    expect(items.every((item) => item.incidentId === undefined)).toBe(true)
  })

  it('calls for the console when there is no way to anybody, and only then', async () => {
    const { deliver: run, items, unreached } = rig()
    expect(await run(notification({ integration: way('pager', { roster: 'on-call' }) }))).toEqual([])
    expect(await run(notification({ integration: way('mail', { roster: 'nobody-there' }) }))).toEqual([])
    expect([items, unreached]).toEqual([[], ['duty pager/0', 'duty mail/0']])
    await run(notification())
    expect(unreached).toHaveLength(2)
  })

  it('tells of a channel by another one as well, the one that works first', async () => {
    const receivers = [{ name: 'all', integrations: [way('mail', { addresses: ['a@example.org'] }), way('sms', { people: ['wang'] }), way('ops')] }]
    const { deliver: run, items } = rig({ receivers: () => receivers, works: () => ({ sms: false, ops: true }) })
    await run(notification({ alerts: [alert({ alertname: 'ChannelDown', channel: 'mail' })] }))
    expect(items.map((item) => item.channel)).toEqual(['mail', 'ops'])
    await run(notification({ alerts: [alert({ alertname: 'ChannelDown', channel: 'sms' })] }))
    expect(items.slice(2).map((item) => item.channel)).toEqual(['mail'])
  })

  it('offers to acknowledge only where there is a way to, of a running incident, for each person by themselves', async () => {
    const asked: string[] = []
    const ack: DeliverDependencies['ack'] = (given, { number }, { person: whom }, at) => {
      expect([given, at]).toEqual([trx, NOW])
      asked.push(`${number} ${whom?.id ?? '-'}`)
      return Promise.resolve<AckWays | undefined>(whom?.id === 'li' ? { link: null, code: '12' } : undefined)
    }
    const { deliver: run, payloads } = rig({ ack })
    await run(notification({ integration: way('sms', { roster: 'on-call' }) }))
    expect(payloads().map((one) => (one.kind === 'incident' ? one.ack : 'none'))).toEqual([{ link: null, code: '12' }, null])
    expect(asked).toEqual(['F-7 li', 'F-7 wang'])
    await run(notification({ status: 'resolved', news: 'all-resolved' }))
    await run(notification({ alerts: [alert({ alertname: 'A' })] }))
    expect(asked).toHaveLength(2)
  })
})
