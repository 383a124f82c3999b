import { expect, it } from 'vitest'
import type { RoutedAlert } from '../notify/routed-alert.ts'
import { externalAlertViews } from './alert-view.ts'

const labels = { alertname: 'PowerLow', severity: 'critical', instance: 'ups-1' }
const pushed: RoutedAlert = { fingerprint: 'a1', labels, routing: labels, annotations: { summary: '市电中断' }, startsAt: 1_000, endsAt: 9_000, updatedAt: 1_000, timeout: true, generatorUrl: '', origin: 'api' }

it('shows what programs outside have pushed, and nothing of the rules', () => {
  expect(externalAlertViews([pushed, { ...pushed, fingerprint: 'b2', origin: 'rules' }], 5_000)).toEqual([
    { fingerprint: 'a1', name: 'PowerLow', severity: 'critical', state: 'firing', labels, summary: '市电中断', description: '', action: '', value: null, startedAt: 1_000, activeAt: 1_000, resolvedAt: null, incident: null, external: true },
  ])
  expect(externalAlertViews([pushed], 9_000)).toMatchObject([{ state: 'resolved', resolvedAt: 9_000 }])
})
