import { expect, it } from 'vitest'
import { truncated, webhookPayload } from './webhook-payload.ts'

const alert = (labels: Record<string, string>, endsAt?: number) => ({ labels, annotations: { summary: 's' }, startsAt: Date.UTC(2026, 0, 2, 3, 4, 5, 600), endsAt, generatorUrl: 'g', fingerprint: 'f' })

it('has the fields of version 4 in their order, times as Go prints them, and what alerts have in common', () => {
  const payload = webhookPayload({ receiver: 'r', groupKey: 'k', groupLabels: { b: '2', a: '1' }, externalUrl: 'e', alerts: [alert({ b: '2', a: '1', c: 'x' }), alert({ a: '1', b: '2', c: 'y' }, Date.UTC(2026, 0, 2))] })
  expect(JSON.stringify(payload)).toBe('{"receiver":"r","status":"firing","alerts":[{"status":"firing","labels":{"a":"1","b":"2","c":"x"},"annotations":{"summary":"s"},"startsAt":"2026-01-02T03:04:05.6Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"g","fingerprint":"f"},{"status":"resolved","labels":{"a":"1","b":"2","c":"y"},"annotations":{"summary":"s"},"startsAt":"2026-01-02T03:04:05.6Z","endsAt":"2026-01-02T00:00:00Z","generatorURL":"g","fingerprint":"f"}],"groupLabels":{"a":"1","b":"2"},"commonLabels":{"a":"1","b":"2"},"commonAnnotations":{"summary":"s"},"externalURL":"e","version":"4","groupKey":"k","truncatedAlerts":0}')
  expect(webhookPayload({ receiver: '', groupKey: '', groupLabels: {}, externalUrl: '', alerts: [alert({}, 1)] }).status).toBe('resolved')
  expect(truncated(payload, 1)).toMatchObject({ status: 'firing', truncatedAlerts: 1, alerts: [{ labels: { c: 'x' } }] })
  expect(truncated(payload, 0)).toBe(payload)
})
