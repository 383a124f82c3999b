import { describe, expect, it } from 'vitest'
import { missed, reached, unreachedNow } from './unreached.ts'
import type { Unreached } from './unreached.ts'

const HOUR_MS = 3_600_000
const none: Unreached = new Map()

describe('whom nobody can reach', () => {
  it('is shown for a day after the last time, in the order of those times', () => {
    const both = missed(missed(none, 'night', 0), 'lead', HOUR_MS)
    expect(unreachedNow(both, HOUR_MS)).toEqual(['night', 'lead'])
    expect(unreachedNow(both, 24 * HOUR_MS - 1)).toEqual(['night', 'lead'])
    expect(unreachedNow(both, 24 * HOUR_MS)).toEqual(['lead'])
    expect(unreachedNow(missed(both, 'night', 2 * HOUR_MS), 25 * HOUR_MS)).toEqual(['night'])
    expect(unreachedNow(both, 25 * HOUR_MS)).toEqual([])
  })

  it('ends when they are reached, and others stay', () => {
    const both = missed(missed(none, 'night', 0), 'lead', 0)
    expect(unreachedNow(reached(both, 'night'), 1)).toEqual(['lead'])
    expect(reached(both, 'nobody')).toBe(both)
    expect(unreachedNow(both, 1)).toEqual(['night', 'lead'])
  })

  it('does not grow with what is over, and outlives a clock that was set back', () => {
    expect(missed(missed(none, 'a', 0), 'b', 30 * HOUR_MS).size).toBe(1)
    expect(unreachedNow(missed(none, 'a', 100 * HOUR_MS), 0)).toEqual(['a'])
  })
})
