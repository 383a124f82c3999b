import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { fingerprintOf } from './label-set.ts'
import { compareSilences, expireSilence, overruns, setSilence, silenceState } from './silence.ts'
import type { Silence, SilenceRequest } from './silence.ts'
import type { RoutedAlert } from './routed-alert.ts'

const NOW = 1_000_000
const request = (over: Partial<SilenceRequest> = {}): SilenceRequest => ({ id: undefined, matchers: [{ name: 'a', op: '=', value: 'b' }], startsAt: NOW, endsAt: NOW + 60_000, createdBy: 'li', comment: 'why', ...over })
function made(over: Partial<SilenceRequest> = {}, known?: Silence, now = NOW, id = 'new'): { readonly silence: Silence; readonly expired: Silence | undefined } {
  const outcome = setSilence(known, request(over), now, id)
  if (outcome.kind !== 'set') throw new Error(JSON.stringify(outcome))
  return outcome
}
const refusal = (over: Partial<SilenceRequest>): unknown => {
  const outcome = setSilence(undefined, request(over), NOW, 'x')
  return outcome.kind === 'refused' ? outcome.why : outcome.kind
}

describe('setSilence', () => {
  it('demands an owner, a reason, an end, and a matcher that does not match everything', () => {
    expect(refusal({ createdBy: ' ' })).toBe('creator information missing')
    expect(refusal({ comment: '' })).toBe('comment missing')
    expect(refusal({ endsAt: NOW })).toBe('start time must be before end time')
    expect(refusal({ startsAt: 1, endsAt: NOW - 1 })).toBe("end time can't be in the past")
    expect(refusal({ endsAt: Number.NaN })).toBe('start time must be before end time')
    expect(refusal({ matchers: [] })).toBe('at least one matcher required')
    expect(refusal({ matchers: [{ name: 'a', op: '=~', value: '.*' }] })).toBe('at least one matcher must not match the empty string')
    expect(refusal({ matchers: [{ name: 'a', op: '=~', value: '(' }] })).toContain('regular expression')
    expect(refusal({ matchers: [{ name: '0', op: '=', value: 'x' }] })).toContain('invalid label name')
    expect(refusal({ matchers: [{ name: 'a', op: '!=', value: 'x' }] })).toBe('set')
    expect(refusal({ id: 'gone' })).toBe('not-found')
  })
  it('never begins in the past', () => {
    expect(made({ startsAt: 5 }).silence.startsAt).toBe(NOW)
  })
  it('changes an active one in place, but with other matchers ends it and makes a new one', () => {
    const { silence } = made({}, undefined, NOW, 'first')
    const longer = made({ id: 'first', endsAt: NOW + 90_000 }, silence, NOW + 10)
    expect(longer).toMatchObject({ silence: { id: 'first', endsAt: NOW + 90_000, firstEndsAt: NOW + 60_000 }, expired: undefined })
    const other = made({ id: 'first', matchers: [{ name: 'a', op: '=', value: 'c' }] }, silence, NOW + 10)
    expect(other).toMatchObject({ silence: { id: 'new', startsAt: NOW + 10, replaces: 'first', firstEndsAt: NOW + 60_000 }, expired: { id: 'first', endsAt: NOW + 10 } })
    expect(made({ id: 'first', startsAt: NOW + 5_000 }, silence, NOW + 10).silence.id).toBe('new')
  })
  it('changes a pending one in place while it stays in the future, and makes a new one of an expired one', () => {
    const { silence } = made({ startsAt: NOW + 10_000 }, undefined, NOW, 'first')
    expect(silenceState(silence, NOW)).toBe('pending')
    expect(made({ id: 'first', startsAt: NOW + 20_000 }, silence).silence).toMatchObject({ id: 'first', startsAt: NOW + 20_000 })
    expect(made({ id: 'first', startsAt: NOW - 1 }, silence)).toMatchObject({ silence: { id: 'new' }, expired: { id: 'first', startsAt: NOW, endsAt: NOW } })
    const later = NOW + 100_000
    expect(made({ id: 'first', startsAt: later, endsAt: later + 1 }, silence, later)).toMatchObject({ silence: { id: 'new', replaces: undefined }, expired: undefined })
  })
  it('after any change exactly one of old and new is live, and it ends', () => {
    const times = fc.integer({ min: -50_000, max: 100_000 }).map((ms) => NOW + ms)
    fc.assert(fc.property(times, times, fc.boolean(), times, (startsAt, endsAt, sameMatchers, now) => {
      const { silence } = made({}, undefined, NOW, 'first')
      const outcome = setSilence(silence, request({ id: 'first', startsAt, endsAt, ...(sameMatchers ? {} : { matchers: [{ name: 'x', op: '=', value: 'y' }] }) }), now, 'new')
      if (outcome.kind !== 'set') return
      const old = outcome.silence.id === 'first' ? outcome.silence : (outcome.expired ?? silence)
      const live = [old, outcome.silence].filter((one, index, all) => all.indexOf(one) === index && silenceState(one, now) !== 'expired')
      expect(live.length).toBeLessThanOrEqual(1)
      expect(Number.isFinite(outcome.silence.endsAt)).toBe(true)
    }), { seed, numRuns: 300 })
  })
})

it('expireSilence ends it now, once', () => {
  const { silence } = made()
  const over = expireSilence(silence, NOW + 5)!
  expect([over.startsAt, over.endsAt, silenceState(over, NOW + 5)]).toEqual([NOW, NOW + 5, 'expired'])
  expect(expireSilence(over, NOW + 6)).toBeUndefined()
  const pending = expireSilence(made({ startsAt: NOW + 10 }).silence, NOW + 5)!
  expect([pending.startsAt, pending.endsAt]).toEqual([NOW + 5, NOW + 5])
})

it('overruns: what still fires after the end and is not covered otherwise, and what was extended', () => {
  const alert = (value: string, startsAt: number, endsAt?: number): RoutedAlert => ({ fingerprint: fingerprintOf({ a: value }), labels: { a: value }, routing: { a: value }, annotations: {}, startsAt, endsAt, updatedAt: 0, timeout: false, generatorUrl: '', origin: 'rules' })
  const { silence } = made()
  const later = NOW + 70_000
  expect(overruns([silence], [alert('b', NOW - 5)], NOW + 1)).toEqual([])
  expect(overruns([silence], [alert('b', NOW - 5)], later)).toMatchObject([{ kind: 'still-firing', fingerprints: [fingerprintOf({ a: 'b' })] }])
  expect(overruns([silence], [alert('b', later - 5), alert('c', 0), alert('b', 0, later - 1)], later)).toEqual([])
  const cover = made({ startsAt: later, endsAt: later + 1_000 }, undefined, later, 'second').silence
  expect(overruns([silence, cover], [alert('b', NOW - 5)], later)).toEqual([])
  expect(overruns([{ ...silence, endsAt: NOW + 90_000 }], [], NOW + 1)).toMatchObject([{ kind: 'extended', byMs: 30_000 }])
  expect([silence, cover].sort((a, b) => compareSilences(a, b, later)).map((one) => one.id)).toEqual(['second', 'new'])
})
