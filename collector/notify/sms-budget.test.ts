import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { budgetStanding, contractYear, mayGo } from './sms-budget.ts'

const at = (text: string): number => Date.parse(`${text}+08:00`)

describe('contractYear', () => {
  it('turns at midnight of office time', () => {
    expect(contractYear('07-01', at('2026-06-30T23:59:59'))).toEqual({ from: '2025-07-01', to: '2026-07-01' })
    expect(contractYear('07-01', at('2026-07-01T00:00:00'))).toEqual({ from: '2026-07-01', to: '2027-07-01' })
    expect(contractYear('01-01', at('2026-01-01T00:00:00'))).toEqual({ from: '2026-01-01', to: '2027-01-01' })
  })
})

describe('budgetStanding', () => {
  it('compares use with the share of the year that is over', () => {
    const half = at('2026-07-02T12:00:00')
    expect(budgetStanding(500, 1_000, '01-01', half)).toEqual({ kind: 'fine', usedRatio: 0.5, elapsedRatio: 0.5 })
    expect(budgetStanding(551, 1_000, '01-01', half).kind).toBe('ahead')
    expect(budgetStanding(1_000, 1_000, '01-01', half).kind).toBe('used-up')
    // A few on the first day are no trend.
    expect(budgetStanding(40, 1_000, '01-01', at('2026-01-01T01:00:00')).kind).toBe('fine')
  })

  it('stays between its bounds at any time', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 2_000_000_000_000 }), fc.constantFrom('01-01', '02-28', '07-01', '12-28'), (now, yearFrom) => {
      const { elapsedRatio } = budgetStanding(0, 10, yearFrom, now)
      expect(elapsedRatio).toBeGreaterThanOrEqual(0)
      expect(elapsedRatio).toBeLessThan(1)
    }), { seed })
  })
})

describe('mayGo', () => {
  it('lets only critical ones past the budget', () => {
    expect(mayGo(9, 1, 10, 'info')).toBe(true)
    expect(mayGo(9, 2, 10, 'warning')).toBe(false)
    expect(mayGo(10, 1, 10, 'critical')).toBe(true)
    expect(mayGo(1e9, 1, undefined, 'info')).toBe(true)
  })
})
