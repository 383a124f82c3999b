/** Hand-made dependencies of the notify routes: one of everything; every act succeeds and is kept. */
import type { AlertBrief, Explanation, OutboxDetail, SilenceView } from '../protocol/api-notify.ts'
import { routeFileOrThrow } from '../collector/notify/route-file.ts'
import type { Silence } from '../collector/notify/silence.ts'
import type { NotifyWebDependencies } from '../collector/web/notify-dependencies.ts'

const routes = routeFileOrThrow('routes.yml', 'route: { receiver: all }\nreceivers: [{ name: all, to: [{ channel: mail, roster: on-call }] }]')

/** `acts`: where each act is written with what it was given. */
export function stubNotify(acts: unknown[][], now: number): NotifyWebDependencies {
  const done = <T>(value: T, ...what: unknown[]): Promise<{ readonly kind: 'done'; readonly value: T }> => {
    acts.push(what)
    return Promise.resolve({ kind: 'done', value })
  }
  const kept: Silence = { id: 'X1', matchers: [{ name: 'alertname', op: '=', value: 'HostDown' }], startsAt: now - 1_000, endsAt: now + 3_600_000, createdBy: 'user-duty', comment: '升级', createdAt: now - 1_000, updatedAt: now - 1_000, firstEndsAt: now + 3_600_000, replaces: undefined }
  const brief: AlertBrief = { fingerprint: 'f1', name: 'HostDown', instance: 'web-01', severity: 'critical', summary: 'web-01 失联' }
  const silence: SilenceView = { id: 'X1', state: 'active', matchers: kept.matchers, startsAt: kept.startsAt, endsAt: kept.endsAt, firstEndsAt: kept.firstEndsAt, owner: 'user-duty', reason: '升级', createdAt: now, updatedAt: now, covers: [brief], coversCount: 1, overruns: [], changes: null, second: null }
  const message: OutboxDetail = { id: 'X1', at: now, updatedAt: now, dueAt: now, channel: 'mail', receiver: 'all', to: ['d***@example.org'], state: 'sent', attempts: 1, kind: 'alerts', incident: null, error: null, subject: '故障', receipts: [], heldUntil: null, now, text: '正文' }
  const explanation: Explanation = { now, at: now, about: { kind: 'alert', id: 'f1', title: 'web-01 失联' }, answer: '响了', reason: 'told', lines: [], routes: [], spokesman: null }
  return {
    startedAt: now,
    dispatch: {
      routes: () => routes,
      put: (reports) => done(undefined, 'put', reports.length).then(() => undefined),
      alerts: () => [],
      groups: () => [],
      standing: (alert) => ({ alert, receivers: [], silencedBy: [], inhibitedBy: [] }),
      silences: {
        list: () => [kept],
        get: () => kept,
        set: (request) => done(undefined, 'set', request.createdBy).then(() => ({ kind: 'set', silence: kept, expired: undefined })),
        expire: (id) => done(undefined, 'expire', id).then(() => 'expired'),
        silencedBy: () => [],
        forget: () => undefined,
      },
    },
    silences: {
      list: () => Promise.resolve({ now, longestMs: 30 * 86_400_000, silences: [silence] }),
      create: (...what) => done(silence, 'silence.create', ...what),
      change: (...what) => done(silence, 'silence.change', ...what),
      expire: (...what) => done(silence, 'silence.expire', ...what),
      confirm: (...what) => done(silence, 'silence.confirm', ...what),
      refuse: (...what) => done(silence, 'silence.refuse', ...what),
      apiFault: () => undefined,
    },
    channels: {
      allDown: () => false,
      list: () => Promise.resolve({ now, allDown: false, channels: [] }),
      test: (...what) => done({ id: 'm1', outcome: 'delivered', detail: '250 OK' }, 'channel.test', ...what),
    },
    outbox: {
      list: (_, sight) => Promise.resolve({ now, messages: [{ ...message, subject: sight.text ? message.subject : null }], counts: { owed: 0, sent: 1, failed: 0 }, older: null }),
      get: (_, sight) => Promise.resolve({ ...message, subject: sight.text ? message.subject : null, text: sight.text ? message.text : null }),
      messages: () => Promise.resolve(new Map()),
    },
    routing: {
      view: () => ({ now, route: { id: 0, matchers: [], receiver: 'all', groupBy: [], groupWaitMs: 0, groupIntervalMs: 1, repeatIntervalMs: 1, muteTimes: [], activeTimes: [], continue: false, groups: 0, routes: [] }, inhibitions: [], times: [], receivers: [] }),
      try: (labels) => ({ now, labels, routes: [] }),
    },
    explain: {
      alert: (fingerprint) => Promise.resolve({ ...explanation, about: { ...explanation.about, id: fingerprint } }),
      incident: () => Promise.resolve(explanation),
      notification: () => Promise.resolve(explanation),
      silence: () => Promise.resolve(explanation),
    },
  }
}

/** A body that each act takes. */
export const notifyBodies = {
  silence: { matchers: [{ name: 'alertname', op: '=', value: 'HostDown' }], endsAt: Date.UTC(2026, 10, 22, 9), reason: '升级' },
  silenceChange: { endsAt: Date.UTC(2026, 10, 22, 10), reason: '还没做完' },
  channelTest: { to: ['li@example.org'] },
  labels: { labels: { alertname: 'HostDown' } },
  posted: [{ labels: { alertname: 'X' } }],
  amSilence: { matchers: [{ name: 'a', value: 'b', isRegex: false }], startsAt: '2026-11-22T08:00:00Z', endsAt: '2026-11-22T09:00:00Z', createdBy: 'li', comment: 'why' },
} as const
