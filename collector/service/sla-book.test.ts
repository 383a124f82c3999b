import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import type { Fault } from './fault.ts'
import { clockResult, slaBook } from './sla-book.ts'
import { decideByTree } from './tree.ts'
import type { MaintenanceWindow } from './window.ts'

const HOUR = 3_600_000
const T = Date.UTC(2026, 6, 1)
const span = { from: T, to: T + 31 * 24 * HOUR }
const fault = (number: string, from: number, used: readonly (number | undefined)[], fields: Partial<Fault> = {}): Fault => ({
  number, version: 1, service: 'portal', object: 'web-01', severity: 'critical', profile: 'standard', from, pauses: [], closed: true, blind: [],
  clocks: (['respond', 'dispose', 'recover'] as const).map((name, index) => ({ name, dueAt: from + [1, 2, 24][index]! * HOUR, ...(used[index] === undefined ? {} : { stoppedAt: from + used[index] }) })),
  ...fields,
})
const window: MaintenanceWindow = { id: 'M1', version: 2, services: ['portal'], objects: [], from: T + HOUR, to: T + 2 * HOUR, endsAt: T + 2 * HOUR, reason: 'r', by: 'x', plannedAt: T, afterTheFact: false, cancelled: false, approval: { name: '甲方', at: T, how: '书面' } }

describe('SLA books', () => {
  it('B1: a clock is met up to its limit, breached a millisecond later, pending while it can still be met', () => {
    const clock = { name: 'respond' as const, dueAt: T + HOUR }
    expect(clockResult({ ...clock, stoppedAt: T + HOUR }, T, T + 9 * HOUR)).toMatchObject({ outcome: 'met', usedSeconds: 3_600, overSeconds: 0, limitSeconds: 3_600 })
    expect(clockResult({ ...clock, stoppedAt: T + HOUR + 1 }, T, T + 9 * HOUR)).toMatchObject({ outcome: 'breached', usedSeconds: 3_600.001, overSeconds: 0.001 })
    expect(clockResult(clock, T, T + HOUR)).toMatchObject({ outcome: 'pending', stoppedAt: null })
    expect(clockResult(clock, T, T + HOUR + 1)).toMatchObject({ outcome: 'breached', stoppedAt: null })
    // Another machine's clock, or one that was set back.
    expect(clockResult({ ...clock, stoppedAt: T - HOUR }, T, T)).toMatchObject({ outcome: 'met', usedSeconds: 0 })
  })

  it('B2: an incident belongs to the month it began in; excluded ones are told and not counted; maintenance both ways', () => {
    const book = slaBook(
      [
        fault('F1', T - 1, [1, 1, 1]),
        fault('F2', T, [HOUR, 3 * HOUR, 5 * HOUR], { to: T + 5 * HOUR, blind: [{ from: T + HOUR, to: T + 2 * HOUR }, { from: T + 4 * HOUR, to: T + 9 * HOUR }] }),
        fault('F3', T + HOUR, [2 * HOUR, undefined, undefined], { severity: 'warning' }),
        fault('F4', T + 2 * HOUR, [1, 1, 1], { excluded: '误报' }),
        fault('F5', span.to, [1, 1, 1]),
      ],
      [window], ['business', 'portal'], span, T + 3 * HOUR,
    )
    expect(book.entries.map((entry) => [entry.number, entry.maintenance, entry.excluded])).toEqual([['F2', null, null], ['F3', 'M1', null], ['F4', null, '误报']])
    expect(book.entries[0]).toMatchObject({ openSeconds: 5 * 3_600, blindSeconds: 2 * 3_600 })
    expect(book.overall.withMaintenance).toEqual({
      incidents: 2,
      respond: { met: 1, breached: 1, pending: 0, ratio: 0.5 },
      dispose: { met: 0, breached: 1, pending: 1, ratio: 0 },
      recover: { met: 1, breached: 0, pending: 1, ratio: 1 },
    })
    expect(book.overall.withoutMaintenance).toMatchObject({ incidents: 1, respond: { met: 1, breached: 0, ratio: 1 } })
    expect(book.byService.map((one) => [one.service, one.withMaintenance.incidents, one.withMaintenance.respond.ratio])).toEqual([['business', 0, null], ['portal', 2, 0.5]])
    expect(book.bySeverity.map((one) => [one.severity, one.withMaintenance.incidents])).toEqual([['critical', 1], ['warning', 1], ['info', 0]])
  })

  it('B3: time only ever turns pending into met or breached, and services and severities add up to the whole', () => {
    const used = fc.option(fc.integer({ min: 0, max: 30 * HOUR }), { nil: undefined })
    const faults = fc.array(fc.tuple(fc.integer({ min: -HOUR, max: 32 * 24 * HOUR }), fc.tuple(used, used, used), fc.constantFrom('portal', 'sms'), fc.constantFrom('critical' as const, 'warning' as const)), { maxLength: 8 })
      .map((list) => list.map(([from, stops, service, severity], index) => fault(`F${index}`, T + from, stops, { service, severity })))
    fc.assert(
      fc.property(faults, fc.integer({ min: 0, max: 40 * 24 * HOUR }), fc.integer({ min: 0, max: 40 * 24 * HOUR }), (list, first, more) => {
        const [before, after] = [slaBook(list, [window], ['portal'], span, T + first), slaBook(list, [window], ['portal'], span, T + first + more)]
        for (const [index, entry] of before.entries.entries()) {
          for (const [place, clock] of entry.clocks.entries()) if (clock.outcome !== 'pending') expect(after.entries[index]?.clocks[place]?.outcome).toBe(clock.outcome)
        }
        for (const kind of ['withMaintenance', 'withoutMaintenance'] as const) {
          for (const parts of [after.byService, after.bySeverity]) {
            expect(parts.reduce((sum, one) => sum + one[kind].incidents, 0)).toBe(after.overall[kind].incidents)
            for (const name of ['respond', 'dispose', 'recover'] as const) expect(parts.reduce((sum, one) => sum + one[kind][name].breached, 0)).toBe(after.overall[kind][name].breached)
          }
        }
      }),
      { seed, numRuns: scaled(300, 5_000) },
    )
  })
})

describe('the service tree', () => {
  const decide = decideByTree({ portal: { critical: ['web-01', ['link-a', 'link-b']] } }, ['critical', 'warning'])
  const on = (number: string, object: string, fields: Partial<Fault> = {}): Fault => fault(number, T, [], { object, ...fields })

  it('is bad by a critical member, by the service itself, or when no alternative is left', () => {
    expect(decide('portal', [on('F1', 'web-01', { service: 'business' })])).toEqual(['F1'])
    expect(decide('portal', [on('F1', '')])).toEqual(['F1'])
    expect(decide('portal', [on('F1', 'link-a')])).toEqual([])
    expect(decide('portal', [on('F1', 'link-a'), on('F2', 'link-b', { service: 'video' })])).toEqual(['F1', 'F2'])
    expect(decide('portal', [on('F1', 'web-01', { severity: 'info' })])).toEqual([])
    expect(decide('sms', [on('F1', 'web-01')])).toEqual([])
    expect(decide('portal', [on('F1', 'web-09', { service: 'sms' })])).toEqual([])
  })
})
