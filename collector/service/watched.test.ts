import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { unseenTimes } from './blind.ts'
import type { Blind } from './blind.ts'
import { watchChanges } from './watched.ts'
import type { WatchedMember, WatchedService } from './watched.ts'

const START = 1_000
const member = (object: string, state: WatchedMember['state']): WatchedMember => ({ object, instances: [object, `${object}:9100`], state })
const seen = (object: string): WatchedMember => member(object, { kind: 'measured' })
const unseen = (object: string, since: number): WatchedMember => member(object, { kind: 'unmeasured', since })
const none: ReadonlySet<string> = new Set()
const blind = (service: string, object: string, from: number, why: Blind['why'] = 'no-data'): Blind => ({ why, service, object, from })

describe('[A7] services nobody watches', () => {
  const portal = (...members: WatchedMember[]): WatchedService => ({ service: 'portal', members })

  it('are blind from the contract\'s first day where nobody ever looked, else from when it was lost', () => {
    expect(watchChanges([portal(unseen('web-01', 900))], [], none, START, 5_000).begin).toEqual([blind('portal', 'web-01', START)])
    expect(watchChanges([portal(seen('web-01'), unseen('web-02', 4_000))], [], new Set(['portal']), START, 5_000).begin).toEqual([blind('portal', 'web-02', 4_000)])
    // The contract has not begun: nothing of it lies before now.
    expect(watchChanges([portal(unseen('web-01', 900))], [], none, 9_000, 5_000).begin).toEqual([blind('portal', 'web-01', 5_000)])
    expect(watchChanges([portal(seen('web-01'))], [], none, START, 5_000)).toEqual({ begin: [], end: [] })
  })

  it('end when something is measured, or when it is no member any more, however it was blind', () => {
    const lasting = [blind('portal', 'web-01', START), blind('portal', 'web-02', START), blind('portal', 'web-01:9100', 2_000, 'agent-silent'), blind('portal', 'gone-01', 2_000, 'agent-silent'), blind('video', '', START), blind('', '', START, 'collector-down')]
    const { begin, end } = watchChanges([portal(seen('web-01'), unseen('web-02', 3_000))], lasting, new Set(['portal', 'video']), START, 5_000)
    expect([begin, end.map((one) => `${one.why} ${one.service} ${one.object}`)]).toEqual([[], ['no-data portal web-01', 'agent-silent portal gone-01', 'no-data video ']])
  })

  it('asked again with what it has brought about, it changes nothing', () => {
    const states = fc.constantFrom<WatchedMember['state']>({ kind: 'measured' }, { kind: 'unmeasured', since: 3_000 })
    const services = fc.uniqueArray(fc.record({ service: fc.constantFrom('portal', 'video', 'sms'), members: fc.uniqueArray(fc.tuple(fc.constantFrom('', 'a', 'b'), states).map(([object, state]) => member(object, state)), { selector: (one) => one.object }) }), { selector: (one) => one.service })
    fc.assert(
      fc.property(services, services, (first, second) => {
        const apply = (list: readonly WatchedService[], lasting: readonly Blind[]): readonly Blind[] => {
          const { begin, end } = watchChanges(list, lasting, none, START, 5_000)
          return [...lasting.filter((one) => !end.includes(one)), ...begin]
        }
        const lasting = apply(second, apply(first, []))
        expect(watchChanges(second, lasting, none, START, 5_000)).toEqual({ begin: [], end: [] })
        expect(lasting.map((one) => `${one.service}/${one.object}`).sort()).toEqual(second.flatMap((one) => one.members.flatMap(({ object, state }) => (state.kind === 'measured' ? [] : [`${one.service}/${object}`]))).sort())
      }),
      { seed, numRuns: scaled(300, 5_000) },
    )
  })

  it('before the first sign of life nobody watched, whatever the contract says since, nor behind the last one', () => {
    expect(unseenTimes(5_000, 8_000, 9_000, 1_000)).toEqual([{ from: -Infinity, to: 5_000 }])
    expect(unseenTimes(5_000, 7_999, 9_000, 1_000)).toEqual([{ from: -Infinity, to: 5_000 }, { from: 7_999, to: 9_000 }])
    expect(unseenTimes(undefined, undefined, 9_000, 1_000)).toEqual([{ from: -Infinity, to: 9_000 }])
  })
})
