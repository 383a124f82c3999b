import fc from 'fast-check'
import { expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { badTimes, severities } from './fault.ts'
import type { Fault } from './fault.ts'
import { decideByTree } from './tree.ts'

const faults = fc.array(
  fc.record({ service: fc.constantFrom('portal', 'sms', 'asr'), object: fc.constantFrom('', 'web-01', 'link-a', 'link-b', 'other'), severity: fc.constantFrom(...severities), from: fc.integer({ min: 0, max: 100 }), length: fc.integer({ min: 0, max: 50 }) }),
  { maxLength: 12 },
).map((list) => list.map(({ length, ...one }, index): Fault => ({ number: `F${index}`, version: 1, profile: 'standard', to: one.from + length, pauses: [], closed: true, blind: [], clocks: [], ...one })))

it('what cannot concern a service is left out, and nothing of the decision changes', () => {
  const decide = decideByTree({ portal: { critical: ['web-01', ['link-a', 'link-b']] }, sms: { critical: ['web-01'] } }, ['critical', 'warning'])
  const all: typeof decide = (service, open) => decide(service, open)
  fc.assert(
    fc.property(faults, (list) => {
      for (const service of ['portal', 'sms', 'asr', 'nobody']) {
        expect(badTimes(service, list, decide, { from: 0, to: 200 }, 200)).toEqual(badTimes(service, list, all, { from: 0, to: 200 }, 200))
      }
    }),
    { seed, numRuns: scaled(200, 5_000) },
  )
})
