/** The order in which people see faults. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import type { LiveEvent } from './event.ts'
import { clockStops } from './incident.ts'
import type { Incident } from './incident.ts'
import { byUrgency } from './search.ts'
import { clockViews } from './sla.ts'
import { open, step } from './step.ts'

const MINUTE = 60_000
const NOW = 100 * MINUTE
const profile = { name: 'standard', title: '标准', origin: '测试', respondMs: 60 * MINUTE, disposeMs: 120 * MINUTE, recoverMs: 1_440 * MINUTE, reopenWithinMs: 30 * MINUTE }

function incident(id: number, { startedAgo = 0, severity = 'warning', answered = false, over = false }: { readonly startedAgo?: number; readonly severity?: Incident['severity']; readonly answered?: boolean; readonly over?: boolean }): Incident {
  const startedAt = NOW - startedAgo * MINUTE
  const subject = { id, number: `F20261122-${String(id).padStart(3, '0')}`, key: String(id), service: 'host', instance: 'h', part: '', fault: 'f', profile }
  let one = open({ type: 'open', ...subject, alert: { fingerprint: String(id), name: 'a', labels: {}, severity, summary: 's', description: '', action: '', value: 1, activeAt: startedAt, startedAt } }, startedAt).incident
  const events: readonly LiveEvent[] = [
    ...(answered ? [{ type: 'acknowledge', by: '甲', source: { kind: 'console' } } as const] : []),
    ...(over ? [{ type: 'alert-resolved', fingerprint: String(id), why: 'condition-false', at: NOW } as const] : []),
  ]
  for (const event of events) {
    const outcome = step(one, event, NOW)
    if (outcome.kind !== 'stepped') throw new Error(outcome.kind)
    one = outcome.incident
  }
  return one
}
const order = (...list: readonly Incident[]): readonly number[] => byUrgency(list, NOW).map((one) => one.id)

describe('the order of faults', () => {
  it('is the time left on the nearest clock that runs: the latest first, an answered one by its next clock, what is over last', () => {
    const fresh = incident(1, { startedAgo: 1, severity: 'critical' })
    const nearly = incident(2, { startedAgo: 55, severity: 'info' })
    const late = incident(3, { startedAgo: 70 })
    const later = incident(4, { startedAgo: 90 })
    const answered = incident(5, { startedAgo: 55, answered: true })
    const over = incident(6, { startedAgo: 80, severity: 'critical', over: true })
    expect(order(over, fresh, nearly, late, later, answered)).toEqual([4, 3, 2, 1, 5, 6])
  })

  it('of equal time left the more urgent is first, then the newer start', () => {
    expect(order(incident(1, { severity: 'info' }), incident(2, { severity: 'critical' }), incident(3, {}))).toEqual([2, 3, 1])
    expect(order(incident(1, { startedAgo: 5, over: true }), incident(2, { startedAgo: 3, over: true }))).toEqual([2, 1])
  })

  it('holds for any list, whatever order it comes in', () => {
    const drawn = fc.record({ startedAgo: fc.integer({ min: 0, max: 99 }), severity: fc.constantFrom('critical' as const, 'warning' as const, 'info' as const), answered: fc.boolean(), over: fc.boolean() })
    const left = (one: Incident): number => Math.min(...clockViews({ startedAt: one.startedAt, profile, stops: clockStops(one) }, NOW).flatMap((clock) => (clock.stoppedAt === null ? [clock.leftMs] : [])))
    const rank = { critical: 0, warning: 1, info: 2 }
    fc.assert(
      fc.property(fc.array(drawn, { maxLength: 12 }), (list) => {
        const sorted = byUrgency(list.map((one, index) => incident(index + 1, one)), NOW)
        expect(sorted).toHaveLength(list.length)
        for (const [index, one] of sorted.entries()) {
          const next = sorted[index + 1]
          if (next === undefined) continue
          expect(left(one)).toBeLessThanOrEqual(left(next))
          if (left(one) === left(next)) expect(rank[one.severity]).toBeLessThanOrEqual(rank[next.severity])
        }
        expect(byUrgency(sorted.toReversed(), NOW)).toEqual(sorted)
      }),
      { seed, numRuns: scaled(200, 5_000) },
    )
  })
})
