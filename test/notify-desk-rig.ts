/** The notify room as it runs, on a clock of its own: dispatch, outbox with one mail and one SMS channel, desks. */
import { createCounters } from '../collector/counters.ts'
import type { Channel, Rendered, SendOutcome } from '../collector/notify/channel.ts'
import type { Person } from '../collector/duty/duty-file.ts'
import { createNotifyDesk } from '../collector/notify/desk.ts'
import type { NotifyDesk } from '../collector/notify/desk.ts'
import { reportOfPost } from '../collector/notify/alert-report.ts'
import { createOutbox } from '../collector/notify/outbox.ts'
import type { Outbox } from '../collector/notify/outbox.ts'
import { alertsPayloadOf } from '../collector/notify/payload.ts'
import { routeFileOrThrow } from '../collector/notify/route-file.ts'
import type { RoutedAlert } from '../collector/notify/routed-alert.ts'
import { startDispatch } from '../collector/notify/run-dispatch.ts'
import type { Dispatch } from '../collector/notify/run-dispatch.ts'
import { openState } from '../collector/state/open.ts'
import type { State } from '../collector/state/open.ts'
import { manualClock } from './manual-clock.ts'
import type { ManualClock } from './manual-clock.ts'

export const RIG_START = Date.UTC(2026, 10, 21, 19, 10)

const onDuty: Person = { id: 'li', name: '李值班', roles: [], addresses: { mail: 'duty@example.org', phone: '13800001234' }, from: undefined, until: undefined }

export interface NotifyRig {
  readonly clock: ManualClock
  readonly state: State
  readonly dispatch: Dispatch
  readonly outbox: Outbox
  readonly desk: NotifyDesk
  /** What each channel answers next; delivered where nothing is said. */
  readonly answers: Map<string, SendOutcome>
  /** Guard periods in force: service, or `*`. */
  readonly guarded: Set<string>
  /** Which alert speaks for which, by `alertname`. */
  readonly speakers: Map<string, string>
  fire(name: string, labels?: Readonly<Record<string, string>>): Promise<string>
  end(name: string, labels?: Readonly<Record<string, string>>): Promise<void>
  /** Lets time pass and the outbox send what is due. */
  pass(ms: number): Promise<void>
  stop(): Promise<void>
}

/** Starts it with these routes. */
export async function startNotifyRig(routes: string): Promise<NotifyRig> {
  const state = await openState(':memory:')
  const clock = manualClock(RIG_START)
  const answers = new Map<string, SendOutcome>()
  const guarded = new Set<string>()
  const speakers = new Map<string, string>()
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const channel = (name: string, cost?: NonNullable<Channel['cost']>): Channel => ({
    name, perMinute: 60, ...(cost === undefined ? {} : { cost }),
    send: (message) => Promise.resolve(answers.get(name) ?? { kind: 'delivered', to: message.to, detail: `250 queued as ${message.id.slice(0, 4)} for ${message.to.join(',')}`, refused: [], again: [] }),
    check: () => Promise.resolve({ kind: 'up' }),
    close: () => undefined,
  })
  const channels = [channel('mail'), channel('sms', { segments: () => 2, yearlyBudget: 1_000, yearFrom: '03-01' })]
  const words = (text: string): Rendered => ({ severity: 'warning', subject: `主题 ${text}`, text: `正文 ${text}`, html: '', markdown: '', brief: text, answer: '', more: [], entry: { number: '', title: text, details: [], ack: null, urgency: { kind: 'other' } }, fields: { what: '故障', severity: '', service: '', number: '', left: '', count: '1' }, webhook: { version: '4', groupKey: '', truncatedAlerts: 0, status: 'firing', receiver: '', groupLabels: {}, commonLabels: {}, commonAnnotations: {}, externalURL: '', alerts: [] } })
  const render = (payload: unknown): Rendered => {
    const { kind = '', ack = null } = payload as { readonly kind?: string; readonly ack?: { readonly link: string } | null }
    return words(`${kind}${ack === null ? '' : ` ${ack.link}`}`)
  }
  const outbox = createOutbox({ state, channels, clock, random: () => 0.5, counters: createCounters({ defaults: false }), log, render, renderDigest: () => words('合并') })
  const ids = { next: 0 }
  const spokenForBy = (alert: RoutedAlert): string | undefined => speakers.get(alert.labels['alertname'] ?? '')
  const dispatch = await startDispatch({
    state, clock, log, routes: routeFileOrThrow('routes.yml', routes), retentionMs: 7 * 86_400_000, incidentOf: (labels) => labels['incident'], spokenForBy, delivered: () => outbox.wake(),
    newId: () => `s${++ids.next}`,
    async deliver(notification, trx) {
      const { integration } = notification
      if (integration.kind !== 'channel') return []
      const dedupKey = `d${++ids.next}`
      await outbox.enqueue(trx, { channel: integration.channel, receiver: notification.receiver, to: integration.channel === 'sms' ? ['13800001234'] : ['duty@example.org'], dedupKey, incidentId: undefined, payload: JSON.parse(JSON.stringify(alertsPayloadOf(notification, null))) }, clock.now())
      const row = await trx.selectFrom('outbox').select('id').where('dedup_key', '=', dedupKey).executeTakeFirstOrThrow()
      return [row.id]
    },
  })
  const desk = createNotifyDesk({
    state, dispatch, outbox, channels, kinds: { mail: 'email', sms: 'sms-http' }, now: () => clock.now(), render,
    silenceNeedsSecond: (_, service) => guarded.has('*') || (service === undefined ? guarded.size > 0 : guarded.has(service)),
    ways: {
      channelKind: (name) => (name === 'mail' ? 'email' : 'sms-http'),
      hookChannel: () => undefined,
      recipients: (names) => ({ people: names.includes('nobody') ? [] : [{ person: onDuty, as: 'on-call' }], passed: [] }),
      person: () => undefined,
    },
    whyNobody: () => '02:00–08:00 无人值班',
    incidentOf: (labels) => labels['incident'],
    spokenForBy,
    span: (ms) => `${ms / 1_000} 秒`,
  })
  const put = (name: string, labels: Readonly<Record<string, string>>, endsAt: number): Promise<void> =>
    dispatch.put([reportOfPost({ labels: { alertname: name, ...labels }, annotations: { summary: `${name} 出事` }, startsAt: clock.now(), endsAt, generatorUrl: '' }, clock.now(), 1)])
  return {
    clock, state, dispatch, outbox, desk, answers, guarded, speakers,
    async fire(name, labels = {}) {
      await put(name, labels, clock.now() + 30 * 86_400_000)
      return dispatch.alerts().find((one) => one.alert.labels['alertname'] === name)?.alert.fingerprint ?? ''
    },
    end: (name, labels = {}) => put(name, labels, clock.now()),
    async pass(ms) {
      await clock.advance(ms)
      await outbox.runDue()
    },
    async stop() {
      await dispatch.stop()
      await outbox.stop()
      await state.close()
    },
  }
}
