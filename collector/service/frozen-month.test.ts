import { describe, expect, it } from 'vitest'
import { at, exampleFaults, exampleSources } from './example-month.fixture.ts'
import { MONTH_ORIGIN, annotationBody, annotationHash, mayFreeze, monthBody, monthHash, verifyMonths } from './frozen-month.ts'
import type { Annotation, FrozenMonth } from './frozen-month.ts'
import { monthInputs } from './month.ts'

const zone = 'Asia/Shanghai'
const NOW = at('2026-09-03 09:00:00')

function freeze(month: string, before: FrozenMonth | undefined, body?: string): FrozenMonth {
  const result = monthInputs(exampleSources, month, NOW)
  if (result.kind !== 'known') throw new Error(result.date)
  const content = { seq: (before?.seq ?? 0) + 1, month, frozenAt: NOW, actor: 'pm', forced: null, body: body ?? monthBody(result.inputs), previousHash: before?.hash ?? MONTH_ORIGIN }
  return { ...content, hash: monthHash(content) }
}
const july = freeze('2026-07', undefined)
const august = freeze('2026-08', july)
const path = 'services.0.month.withMaintenance.badMs'
function annotate(seq: number, month: FrozenMonth, before: Annotation | undefined, change: (body: string) => string = (body) => body): Annotation {
  const made = annotationBody(month, path, 1, { name: '甲方代表', at: NOW, how: '书面' }, '更正')
  if (made.kind === 'refused') throw new Error(made.code)
  const content = { seq, month: month.month, at: NOW, actor: 'pm', body: change(made.body), previousHash: before?.hash ?? MONTH_ORIGIN }
  return { ...content, hash: annotationHash(content) }
}
const why = (months: readonly FrozenMonth[], annotations: readonly Annotation[] = [], known?: Parameters<typeof verifyMonths>[2]): string => {
  const verdict = verifyMonths(months, annotations, known)
  return verdict.kind === 'intact' ? 'intact' : `${verdict.where}: ${verdict.why}`
}

describe('frozen months', () => {
  it('M4: whole ones are intact; whoever recalculates hashes is found all the same', () => {
    const first = annotate(1, july, undefined)
    expect(why([july, august], [first, annotate(2, august, first)], { months: [july.hash, august.hash], annotations: [first.hash] })).toBe('intact')

    // A changed figure under a hash that fits: it does not follow from the inputs that stand beside it.
    const figure = freeze('2026-07', undefined, july.body.replaceAll('21315000', '1315000'))
    expect(why([figure])).toBe('2026-07: figures-wrong')
    // Inputs and figures made up together: the next month does not follow it …
    const other = monthInputs({ ...exampleSources, faults: [] }, '2026-07', NOW)
    if (other.kind !== 'known') throw new Error(other.date)
    const madeUp = freeze('2026-07', undefined, monthBody(other.inputs))
    expect(why([madeUp, august])).toBe('2026-08: month-unchained')
    // … and with that one made anew too, the audit log remembers what was frozen.
    expect(why([madeUp, freeze('2026-08', madeUp)])).toBe('intact')
    expect(why([madeUp, freeze('2026-08', madeUp)], [], { months: [july.hash, august.hash], annotations: [] })).toBe('2026-08: month-cut')
    expect(why([freeze('2026-07', undefined, august.body)])).toBe('2026-07: content-foreign')
    expect(why([july, freeze('2026-09', july, august.body)])).toBe('2026-09: month-out-of-order')
    expect(why([{ ...july, seq: 2 }])).toBe('2026-07: month-missing')
  })

  it('M4: an annotation quotes what was frozen, and belongs to the month it names', () => {
    expect(why([july], [annotate(1, july, undefined, (body) => body.replace('21315000', '9'))])).toBe('annotation 1: original-wrong')
    const first = annotate(1, july, undefined)
    expect(why([july], [first, annotate(2, july, undefined)])).toBe('annotation 2: annotation-unchained')
    expect(why([july], [annotate(1, august, undefined)])).toBe('annotation 1: annotation-foreign')
    expect(why([july], [], { months: [], annotations: [first.hash] })).toBe('annotation 0: annotation-cut')
  })

  it('M4: a month of another arithmetic is held to its hash, not to ours', () => {
    const foreign = freeze('2026-07', undefined, july.body.replace('"arithmetic":2', '"arithmetic":0').replaceAll('21315000', '1315000'))
    expect(why([foreign])).toBe('intact')
  })

  it('M1: over, in order, closed, or for a reason', () => {
    const JULY = '2026-07-01'
    const open = exampleFaults.map((fault) => (fault.number === 'F20260731-001' ? { ...fault, closed: false } : fault))
    const code = (...given: Parameters<typeof mayFreeze>): string => {
      const decision = mayFreeze(...given)
      return decision.kind === 'may' ? 'may' : decision.code
    }
    expect(code('2026-07', undefined, JULY, exampleFaults, null, at('2026-08-01 00:00:00') - 1, zone)).toBe('month-not-over')
    expect(code('2026-07', undefined, JULY, exampleFaults, null, at('2026-08-01 00:00:00'), zone)).toBe('may')
    expect(code('2026-07', undefined, JULY, open, null, NOW, zone)).toBe('incidents-open')
    expect(code('2026-07', undefined, JULY, open, '甲方要求', NOW, zone)).toBe('may')
    // It reaches into August too, but not into June.
    expect(code('2026-08', '2026-07', JULY, open, null, NOW, zone)).toBe('incidents-open')
    expect(code('2026-06', undefined, '2026-06-01', open, null, NOW, zone)).toBe('may')
    expect(code('2026-07', undefined, JULY, open.map((fault) => ({ ...fault, excluded: '误报' })), null, NOW, zone)).toBe('may')
    expect([code('2026-07', '2026-07', JULY, [], null, NOW, zone), code('2026-08', '2026-06', JULY, [], null, NOW, zone), code('2026-05', '2026-06', JULY, [], null, NOW, zone)]).toEqual(['month-frozen-already', 'month-before-missing', 'month-before-missing'])
  })

  it('M1: the first is the contract\'s first month, and no other', () => {
    const first = (month: string) => mayFreeze(month, undefined, '2026-03-16', [], null, NOW, zone)
    expect(first('2026-04')).toEqual({ kind: 'refused', code: 'month-before-missing', fields: { month: '2026-03' } })
    expect(first('2026-02')).toMatchObject({ kind: 'refused', fields: { month: '2026-03' } })
    expect(first('2026-03')).toEqual({ kind: 'may', forced: null })
  })

  it('M1: a reason is kept only where an incident is open', () => {
    const open = exampleFaults.map((fault) => ({ ...fault, closed: false }))
    expect(mayFreeze('2026-07', '2026-06', '2026-03-01', exampleFaults, '随手写的', NOW, zone)).toEqual({ kind: 'may', forced: null })
    expect(mayFreeze('2026-07', '2026-06', '2026-03-01', open, '甲方要求', NOW, zone)).toEqual({ kind: 'may', forced: '甲方要求' })
  })
})
