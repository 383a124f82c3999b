import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { fingerprintOf } from './label-set.ts'
import { createInhibitor } from './inhibit.ts'
import type { InhibitRule } from './inhibit.ts'
import { matchesAll, parseMatchers } from './matcher.ts'
import { isResolved } from './routed-alert.ts'
import type { RoutedAlert } from './routed-alert.ts'

const alert = (labels: Record<string, string>, endsAt?: number): RoutedAlert => ({ fingerprint: fingerprintOf(labels), labels, routing: labels, annotations: {}, startsAt: 0, endsAt, updatedAt: 0, timeout: false, generatorUrl: '', origin: 'api' })
const rule = (source: string, target: string, ...equal: string[]): InhibitRule => ({ source: parseMatchers(source), target: parseMatchers(target), equal })

describe('inhibition', () => {
  it('needs equal labels, and takes two missing ones for equal', () => {
    const inhibitor = createInhibitor([rule('s="1"', 't="1"', 'c')])
    const [x, none] = [alert({ s: '1', c: 'x' }), alert({ s: '1' })]
    inhibitor.put(x)
    inhibitor.put(none)
    expect(inhibitor.inhibitedBy({ t: '1', c: 'x' }, 1)).toEqual([x.fingerprint])
    expect(inhibitor.inhibitedBy({ t: '1' }, 1)).toEqual([none.fingerprint])
    expect(inhibitor.inhibitedBy({ t: '1', c: 'y' }, 1)).toEqual([])
    expect(inhibitor.inhibitedBy({ t: '2', c: 'x' }, 1)).toEqual([])
  })
  it('does not let alerts that match both sides mute each other', () => {
    const inhibitor = createInhibitor([rule('a=~"1|2"', 'a=~"2|3"')])
    const [one, two] = [alert({ a: '1' }), alert({ a: '2' })]
    inhibitor.put(two)
    expect(inhibitor.inhibitedBy({ a: '2', b: 'x' }, 1)).toEqual([])
    expect(inhibitor.inhibitedBy({ a: '3' }, 1)).toEqual([two.fingerprint])
    inhibitor.put(one)
    expect(inhibitor.inhibitedBy({ a: '2', b: 'x' }, 1)).toEqual([one.fingerprint])
  })
  it('ends with its cause', () => {
    const inhibitor = createInhibitor([rule('s="1"', 't="1"')])
    inhibitor.put(alert({ s: '1' }, 100))
    expect([99, 100].map((now) => inhibitor.inhibitedBy({ t: '1' }, now).length)).toEqual([1, 0])
    inhibitor.put(alert({ s: '1' }))
    expect(inhibitor.inhibitedBy({ t: '1' }, 200)).toHaveLength(1)
    inhibitor.remove(fingerprintOf({ s: '1' }))
    expect(inhibitor.inhibitedBy({ t: '1' }, 200)).toEqual([])
  })
  it('answers as a walk over all alerts and rules does', () => {
    const value = fc.constantFrom('', '1', '2')
    const labels = fc.record({ a: value, b: value, c: value }).map((all) => Object.fromEntries(Object.entries(all).filter(([, text]) => text !== '')))
    const side = fc.constantFrom('a="1"', 'a!="1"', 'b=~"1|2"', 'b=""', 'c!~"2.*"')
    const rules = fc.array(fc.tuple(side, side, fc.subarray(['a', 'b', 'c'])).map(([source, target, equal]) => rule(source, target, ...equal)), { maxLength: 3 })
    fc.assert(fc.property(rules, fc.array(fc.tuple(labels, fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }))), labels, (some, list, target) => {
      const inhibitor = createInhibitor(some)
      const newest = new Map<string, RoutedAlert>()
      for (const [own, endsAt] of list) {
        const one = alert(own, endsAt)
        inhibitor.put(one)
        newest.set(one.fingerprint, one)
      }
      const expected = [...newest.values()].filter((one) => !isResolved(one, 10) && some.some((r) =>
        matchesAll(r.target, target) && matchesAll(r.source, one.labels) && r.equal.every((name) => (one.labels[name] ?? '') === (Reflect.get(target, name) ?? '')) &&
        !(matchesAll(r.source, target) && matchesAll(r.target, one.labels))))
      expect(inhibitor.inhibitedBy(target, 10)).toEqual(expected.map((one) => one.fingerprint).sort())
    }), { seed, numRuns: 300 })
  })
})
