import { describe, expect, it } from 'vitest'
import { METRIC_NAME } from '../../protocol/series.ts'
import type { GuardPeriod } from './guard.ts'
import { guardSamples, guardSeries } from './guard-series.ts'

const period = (fields: Partial<GuardPeriod>): GuardPeriod => ({ id: 'G1', version: 1, title: '国庆重保', from: 1_000, to: 2_000, services: ['portal'], thresholdFactor: 0.8, stepFactor: 0.5, zeroReports: { times: [], graceMinutes: 0, leadMinutes: 0 }, by: 'pm', filed: [], ...fields })
const said = (periods: readonly GuardPeriod[], now: number): Readonly<Record<string, number>> => Object.fromEntries(guardSamples(periods, now, ['portal', 'sms']).map(({ labels, value }) => [`${labels[METRIC_NAME]?.slice('zhishou_guard_'.length)} ${labels['service']}`, value]))

describe('what rules see of guard periods', () => {
  it('every service has both samples at any time, and they are tight only inside the period and on its services', () => {
    const calm = { 'active portal': 0, 'threshold_ratio portal': 1, 'active sms': 0, 'threshold_ratio sms': 1 }
    expect(said([], 1_500)).toEqual(calm)
    expect([999, 2_000].map((now) => said([period({})], now))).toEqual([calm, calm])
    expect([1_000, 1_999].map((now) => said([period({})], now))).toEqual(Array.from({ length: 2 }, () => ({ ...calm, 'active portal': 1, 'threshold_ratio portal': 0.8 })))
  })

  it('the tightest period counts, and one of no service in particular counts for all', () => {
    expect(said([period({}), period({ id: 'G2', services: [], thresholdFactor: 0.9 })], 1_500)).toEqual({ 'active portal': 1, 'threshold_ratio portal': 0.8, 'active sms': 1, 'threshold_ratio sms': 0.9 })
    // A period that only wants reports changes no threshold.
    expect(said([period({ thresholdFactor: 1 })], 1_500)).toMatchObject({ 'active portal': 1, 'threshold_ratio portal': 1 })
  })

  it('declares what it says', () => {
    expect(new Set(guardSamples([], 0, ['portal']).map(({ labels }) => labels[METRIC_NAME]))).toEqual(new Set(guardSeries.map((spec) => spec.name)))
  })
})
