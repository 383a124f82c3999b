import { describe, expect, it } from 'vitest'
import { LOG_RETENTION_MS, entryAfter, newsFor, toldAlerts } from './notification-log.ts'
import type { LogEntry, News } from './notification-log.ts'
import { mergeReport } from './routed-alert.ts'
import type { RoutedAlert } from './routed-alert.ts'

const NOW = 1_000_000
const entry = (firing: string, resolved: string, at = NOW - 1_000): LogEntry => ({ groupKey: 'g', receiver: 'r', integration: 'i', at, firing: firing.split(''), resolved: resolved.split(''), expiresAt: Infinity })

describe('newsFor', () => {
  // Alertmanager's DedupStage: entry, firing, resolved, send_resolved → why.
  it.each<[string, LogEntry | undefined, string, string, boolean, News | undefined]>([
    ['never told, something fires', undefined, 'a', '', true, 'first'],
    ['never told, only ends', undefined, '', 'a', true, undefined],
    ['the same again', entry('ab', ''), 'ab', '', true, undefined],
    ['fewer fire, no end here', entry('ab', ''), 'a', '', true, undefined],
    ['one more fires', entry('a', ''), 'ab', '', true, 'new-firing'],
    ['one is over', entry('ab', ''), 'a', 'b', true, 'new-resolved'],
    ['one is over, ends not wanted', entry('ab', ''), 'a', 'b', false, undefined],
    ['an end that is known', entry('a', 'b'), 'a', 'b', true, undefined],
    ['all are over', entry('ab', ''), '', 'ab', true, 'all-resolved'],
    ['all are over, ends not wanted', entry('ab', ''), '', 'ab', false, 'all-resolved'],
    ['fired and ended unseen', entry('', 'a'), '', 'b', true, undefined],
    ['again after all were over', entry('', 'a'), 'a', '', true, 'new-firing'],
    ['long ago', entry('a', '', NOW - 60_001), 'a', '', true, 'repeat'],
    ['just not long enough ago', entry('a', '', NOW - 60_000), 'a', '', true, undefined],
    ['long ago, but nothing fires', entry('', 'a', 0), '', 'a', true, undefined],
  ])('%s', (_, known, firing, resolved, sendResolved, expected) => {
    expect(newsFor(known, firing.split(''), resolved.split(''), sendResolved, 60_000, NOW)).toBe(expected)
  })
})

const alert = (over: Partial<RoutedAlert>): RoutedAlert => ({ fingerprint: 'f', labels: {}, routing: {}, annotations: {}, startsAt: 0, endsAt: undefined, updatedAt: 0, timeout: false, generatorUrl: '', origin: 'api', ...over })

it('without send_resolved only what fires is told, and an entry lasts two repeats at most five days', () => {
  const alerts = [alert({ endsAt: 5 }), alert({})]
  expect(toldAlerts(alerts, { sendResolved: false }, 10)).toEqual([alerts[1]])
  expect(toldAlerts(alerts, { sendResolved: true }, 10)).toEqual(alerts)
  expect(entryAfter({ groupKey: 'g', receiver: 'r', integration: 'i' }, [], [], 10, 5).expiresAt).toBe(25)
  expect(entryAfter({ groupKey: 'g', receiver: 'r', integration: 'i' }, [], [], 1e12, 5).expiresAt).toBe(5 + LOG_RETENTION_MS)
})

describe('mergeReport', () => {
  const merge = (known: Partial<RoutedAlert>, report: Partial<RoutedAlert>, now = 50) => {
    const { startsAt, endsAt, timeout, origin } = mergeReport(alert(known), alert(report), now)
    return { startsAt, endsAt, timeout, origin }
  }
  const api = { origin: 'api' as const }
  it('keeps the earliest start of reports that overlap, and replaces where they do not', () => {
    expect(merge({ startsAt: 10, endsAt: 100, updatedAt: 1 }, { startsAt: 20, endsAt: 200, updatedAt: 2 })).toEqual({ startsAt: 10, endsAt: 200, timeout: false, ...api })
    expect(merge({ startsAt: 10, endsAt: 20, updatedAt: 1 }, { startsAt: 30, endsAt: 200, updatedAt: 2 })).toEqual({ startsAt: 30, endsAt: 200, timeout: false, ...api })
  })
  it('lets a later given end win over a guessed one, and an explicit end over a running one', () => {
    expect(merge({ startsAt: 10, endsAt: 300, updatedAt: 1 }, { startsAt: 20, endsAt: 200, updatedAt: 2, timeout: true })).toMatchObject({ endsAt: 300 })
    expect(merge({ startsAt: 10, endsAt: 300, updatedAt: 1, timeout: true }, { startsAt: 20, endsAt: 200, updatedAt: 2 })).toMatchObject({ endsAt: 200 })
    expect(merge({ startsAt: 10, endsAt: 300, updatedAt: 1 }, { startsAt: 40, endsAt: 40, updatedAt: 2 })).toMatchObject({ startsAt: 10, endsAt: 40 })
    expect(merge({ startsAt: 10, endsAt: 45, updatedAt: 1 }, { startsAt: 30, endsAt: 40, updatedAt: 2 })).toMatchObject({ endsAt: 45 })
  })
  it('a report from outside does not end what the rules hold open; the rules do', () => {
    expect(merge({ startsAt: 10, origin: 'rules', updatedAt: 1 }, { startsAt: 20, endsAt: 30, updatedAt: 2 })).toEqual({ startsAt: 10, endsAt: undefined, timeout: false, origin: 'rules' })
    expect(merge({ startsAt: 10, origin: 'rules', updatedAt: 1 }, { startsAt: 10, endsAt: 30, updatedAt: 2, origin: 'rules' })).toMatchObject({ endsAt: 30 })
  })
})
