import { describe, expect, it } from 'vitest'
import type { Alert } from '../rules/alert.ts'
import { reportOfAlert, reportOfChange } from './alert-source.ts'
import { fingerprintOf } from './label-set.ts'

const alert = (over: Partial<Alert> = {}): Alert => ({ fingerprint: 'x', group: 'g', name: 'A', labels: { alertname: 'A' }, annotations: { summary: 's' }, state: 'firing', activeAt: 10, startedAt: 5, firedAt: 20, resolvedAt: undefined, value: 1, ...over })

describe('the rules\' alerts', () => {
  it('are reported as Prometheus does: from when they fired, under Alertmanager\'s fingerprint, pending ones not at all', () => {
    expect(reportOfAlert(alert(), 99, 'http://c/')).toEqual({ fingerprint: fingerprintOf({ alertname: 'A' }), labels: { alertname: 'A' }, annotations: { summary: 's' }, startsAt: 20, endsAt: undefined, updatedAt: 99, timeout: false, generatorUrl: 'http://c/', origin: 'rules' })
    expect(reportOfAlert(alert({ state: 'pending' }), 99, '')).toBeUndefined()
    expect(reportOfChange({ kind: 'updated', alert: alert() }, 99, '')?.endsAt).toBeUndefined()
    expect(reportOfChange({ kind: 'resolved', alert: alert({ state: 'resolved', resolvedAt: 50 }), why: 'condition-false' }, 99, '')?.endsAt).toBe(50)
  })
  it('that ended for want of data stay open where a fault runs on a clock, and end as there elsewhere', () => {
    const gone = (labels: Record<string, string>): Alert => alert({ state: 'resolved', resolvedAt: 50, labels })
    expect(reportOfChange({ kind: 'resolved', alert: gone({ sla: 'standard' }), why: 'no-data' }, 99, '')).toBeUndefined()
    expect(reportOfChange({ kind: 'resolved', alert: gone({}), why: 'no-data' }, 99, '')?.endsAt).toBe(50)
    expect(reportOfChange({ kind: 'resolved', alert: gone({ sla: 'standard' }), why: 'condition-false' }, 99, '')?.endsAt).toBe(50)
  })
})
