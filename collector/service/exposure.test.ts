import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SettingsError } from '../../protocol/settings.ts'
import { scaled, seed } from '../../test/scale.ts'
import { clockBreaches, exposure, exposureFor } from './exposure.ts'
import type { Breach } from './exposure.ts'
import { divideRounded, parseShare, parseYuan, shareText, yuanText } from './money.ts'
import { parseExposureTerms } from './terms.ts'
import type { ExposureTerms } from './terms.ts'
import { parseServiceWording } from './wording.ts'

const shipped = (path: string): string => readFileSync(new URL(`../../alerts/${path}`, import.meta.url), 'utf8')
const wording = parseServiceWording(shipped('templates/service.zh-CN.yml'), 'service.zh-CN.yml')
const sample = parseExposureTerms(shipped('exposure.yml'), 'exposure.yml')
const HOUR = 3_600_000
const DAY = 24 * HOUR
const START = Date.UTC(2026, 6, 1)
const breach = (duty: string, fields: Partial<Breach> = {}): Breach => ({ duty, reference: 'F20260701-001', service: 'portal', startedAt: START, dueAt: START + DAY, doneAt: undefined, ...fields })

describe('money', () => {
  it('is read and written without floating point', () => {
    expect([parseYuan('1000000.00'), parseYuan('0.1'), parseYuan('7'), parseYuan('0.001'), parseYuan('-1'), parseYuan('1e3'), parseYuan('')]).toEqual([100_000_000n, 10n, 700n, undefined, undefined, undefined, undefined])
    expect([parseShare('0.0005'), parseShare('1'), parseShare('1.000000001'), parseShare('0.0000000001')]).toEqual([500_000n, 1_000_000_000n, undefined, undefined])
    expect([yuanText(0n), yuanText(5n), yuanText(100_000_000n), yuanText(99_999n)]).toEqual(['0.00', '0.05', '1,000,000.00', '999.99'])
    expect([shareText(500_000n), shareText(50_000_000n), shareText(1_000_000_000n), shareText(1n)]).toEqual(['0.05%', '5%', '100%', '0.0000001%'])
    expect([divideRounded(1n, 2n), divideRounded(149n, 100n), divideRounded(0n, 3n)]).toEqual([1n, 1n, 0n])
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 10n ** 14n }), (fen) => {
        expect(parseYuan(yuanText(fen).replaceAll(',', ''))).toBe(fen)
      }), { seed, numRuns: scaled(200, 5_000) })
  })
})

describe('exposure', () => {
  it('shows its arithmetic, line by line', () => {
    const now = START + DAY + 2 * DAY + 3 * HOUR
    const result = exposure(sample, [breach('respond'), breach('recover'), breach('dispose', { doneAt: START + DAY + 1 })], now, wording)
    expect(result.lines.map((line) => [line.title, line.amountFen, line.steps])).toEqual([
      ['响应逾期', 150_000n, ['逾期 2 天 3 小时 0 分 0 秒，不足一天按一天，计 3 天 × 0.05% × 合同价 1,000,000.00 元 = 1,500.00 元']],
      // 2.125 days × 0.001 × 1,000,000 = 2,125.
      ['恢复逾期', 212_500n, ['逾期 2 天 3 小时 0 分 0 秒，按实际时长，计 183600 秒 ÷ 86400 天 × 0.1% × 合同价 1,000,000.00 元 = 2,125.00 元']],
      // One millisecond late, and done then.
      ['处置逾期', 100_000n, ['逾期 0 天 0 小时 0 分 0 秒，不足一天按一天，计 1 天 × 0.1% × 合同价 1,000,000.00 元 = 1,000.00 元']],
    ])
    expect(result.totalFen).toBe(462_500n)
    expect(result.totalSteps).toEqual(['共 3 项，合计 4,625.00 元'])
    expect(result.flags).toEqual(['free-repair'])
    expect(result.uncovered.map(({ text }) => text)).toEqual(['损失赔偿（示例条款四）：造成实际损失的，另行赔偿；金额由双方确认，本系统不估算。', '验收扣款（示例条款五）：未按期提交书面报告的，在验收付款时酌情扣减。'])
  })

  it('turns to lumps behind their thresholds, not at them', () => {
    const due = START + DAY
    const amounts = (duty: string, ...lateDays: number[]): readonly bigint[] => lateDays.map((days) => exposure(sample, [breach(duty)], due + days * DAY, wording).totalFen)
    // 0.1 % a day begun; past 10 days the greater of what they came to (1 %) and 2 %, and the days stop.
    expect(amounts('dispose', 1, 10, 10 + 1 / DAY, 40)).toEqual([100_000n, 1_000_000n, 2_000_000n, 2_000_000n])
    // From the start: 7 days after it is 6 days late. 6 × 0.1 % = 0.6 %; one ms later 5 % more.
    expect(amounts('recover', 6, 7)).toEqual([600_000n, 700_000n + 5_000_000n])
    expect(exposure(sample, [breach('recover')], due + 6 * DAY + HOUR, wording).flags).toEqual(['free-repair', 'refund'])
    // 30 days from the start: 29 days late, stops; 2.9 % + 5 % + 10 %.
    expect(exposure(sample, [breach('recover')], due + 60 * DAY, wording)).toMatchObject({ totalFen: 17_900_000n, flags: ['free-repair', 'refund', 'termination'] })
    // Two of those meet the limit of the whole contract.
    const both = exposure(sample, [breach('recover'), breach('recover', { reference: 'F2' })], due + 60 * DAY, wording)
    expect(both.totalFen).toBe(20_000_000n)
    expect(both.totalSteps).toEqual(['共 2 项，合计 358,000.00 元', '以合同价的 20% 为限：200,000.00 元'])
  })

  it('lists what no figure covers instead of guessing', () => {
    const result = exposure(sample, [breach('backup', { reference: 'G-7' }), breach('respond', { doneAt: START + DAY })], START + 3 * DAY, wording)
    expect(result.lines).toEqual([])
    expect(result.uncovered[0]).toEqual({ reference: 'G-7', text: 'backup逾期 2 天 0 小时 0 分 0 秒，合同条款中没有对应的金额' })
  })

  it('comes from the clocks of incidents that count', () => {
    const fault = { number: 'F1', version: 3, service: 'portal', object: '', severity: 'critical' as const, profile: 'standard', from: START, pauses: [], closed: false, blind: [] }
    const clocks = [{ name: 'respond' as const, dueAt: START + HOUR, stoppedAt: START + HOUR }, { name: 'dispose' as const, dueAt: START + 2 * HOUR, stoppedAt: START + 3 * HOUR }, { name: 'recover' as const, dueAt: START + DAY }]
    expect(clockBreaches([{ ...fault, clocks }, { ...fault, clocks, excluded: '误报' }], START + DAY)).toEqual([{ duty: 'dispose', reference: 'F1', service: 'portal', startedAt: START, dueAt: START + 2 * HOUR, doneAt: START + 3 * HOUR }])
    expect(clockBreaches([{ ...fault, clocks }], START + DAY + 1).map((one) => one.duty)).toEqual(['dispose', 'recover'])
  })

  const share = fc.integer({ min: 0, max: 100_000 }).map((ppm) => BigInt(ppm) * 1_000n)
  const days = fc.integer({ min: 0, max: 20 })
  const lump = fc.record({ afterDays: days, since: fc.constantFrom('due' as const, 'start' as const), rate: share, with: fc.constantFrom('added' as const, 'greater' as const), perDay: fc.constantFrom('continues' as const, 'stops' as const), flags: fc.constant<ExposureTerms['terms'][number]['flags']>([]) })
  const termsOf = fc
    .record({ sum: fc.bigInt({ min: 0n, max: 10n ** 11n }), cap: fc.option(share, { nil: undefined }), rate: share, rounding: fc.constantFrom('begun' as const, 'completed' as const, 'exact' as const), dayCap: fc.option(share, { nil: undefined }), lumps: fc.array(lump, { maxLength: 3 }) })
    .map(({ sum, cap, rate, rounding, dayCap, lumps }): ExposureTerms => ({ contract: { sum, origin: 'test', ...(cap === undefined ? {} : { cap }) }, terms: [{ name: 'a', title: 'a', origin: 'test', duty: 'recover', perDay: { rate, rounding, ...(dayCap === undefined ? {} : { cap: dayCap }) }, lumps, flags: [] }], unpriced: [] }))
  const hoursOf = fc.integer({ min: 0, max: 24 * 25 })
  const breachesOf = fc.array(fc.record({ due: fc.integer({ min: 0, max: 72 }), done: fc.option(hoursOf, { nil: undefined }) }).map(({ due, done }) => breach('recover', { dueAt: START + due * HOUR, doneAt: done === undefined ? undefined : START + done * HOUR })), { maxLength: 4 })

  it('never shrinks as time goes by, in total and line by line', () => {
    fc.assert(
      fc.property(termsOf, breachesOf, hoursOf, fc.integer({ min: 0, max: 200 * HOUR }), (terms, breaches, hours, later) => {
        const [before, after] = [0, later].map((step) => exposure(terms, breaches, START + hours * HOUR + step, wording))
        expect(after!.totalFen >= before!.totalFen).toBe(true)
        expect(after!.lines.length).toBeGreaterThanOrEqual(before!.lines.length)
      }),
      { seed, numRuns: scaled(1_000, 30_000) },
    )
  })

  it('is what walking through every hour gives', () => {
    fc.assert(
      fc.property(termsOf, breachesOf, hoursOf, (terms, breaches, hours) => {
        const term = terms.terms[0]!
        const sum = terms.contract.sum
        const rounded = (numerator: bigint, denominator: bigint): bigint => numerator / denominator + ((numerator % denominator) * 2n >= denominator ? 1n : 0n)
        const billion = 10n ** 9n
        let expected = 0n
        for (const one of breaches) {
          // Hour by hour: which hours are late, which of them open a new day, where a lump falls due.
          let [lateHours, begun, completed] = [0, 0, 0]
          const reached: { at: number; index: number }[] = []
          let stopped = false
          const due = (one.dueAt - START) / HOUR
          const end = Math.min(hours, one.doneAt === undefined ? hours : (one.doneAt - START) / HOUR)
          for (let hour = 0; hour < end; hour++) {
            for (const [index, { afterDays, since, perDay }] of term.lumps.entries()) {
              if (reached.some((other) => other.index === index) || hour < (since === 'due' ? due : 0) + afterDays * 24) continue
              reached.push({ at: (since === 'due' ? due : 0) + afterDays * 24, index })
              if (perDay === 'stops') stopped = true
            }
            if (hour < due || stopped) continue
            if (lateHours % 24 === 0) begun++
            lateHours++
            if (lateHours % 24 === 0) completed++
          }
          if (end <= due) continue
          const perDay = term.perDay!
          let amount = perDay.rounding === 'exact' ? rounded(sum * perDay.rate * BigInt(lateHours), billion * 24n) : rounded(sum * perDay.rate * BigInt(perDay.rounding === 'begun' ? begun : completed), billion)
          if (perDay.cap !== undefined && amount > rounded(sum * perDay.cap, billion)) amount = rounded(sum * perDay.cap, billion)
          for (const { index } of reached.toSorted((a, b) => a.at - b.at || a.index - b.index)) {
            const { rate, with: how } = term.lumps[index]!
            const fen = rounded(sum * rate, billion)
            amount = how === 'added' ? amount + fen : amount > fen ? amount : fen
          }
          expected += amount
        }
        const { cap } = terms.contract
        if (cap !== undefined && expected > rounded(sum * cap, billion)) expected = rounded(sum * cap, billion)
        expect(exposure(terms, breaches, START + hours * HOUR, wording).totalFen).toBe(expected)
      }),
      { seed, numRuns: scaled(1_000, 30_000) },
    )
  })
})

describe('who sees amounts', () => {
  it('only who may; for others nothing is reckoned', () => {
    let reckoned = 0
    const reckon = () => (reckoned++, exposure(sample, [], START, wording))
    expect(exposureFor(new Set(['incidents.read', 'overview.read']), reckon)).toEqual({ kind: 'forbidden' })
    expect(reckoned).toBe(0)
    expect(exposureFor(new Set(['exposure.read']), reckon)).toMatchObject({ kind: 'shown' })
  })

  it('never by JSON, series or log', () => {
    const result = exposure(sample, [breach('respond')], START + 3 * DAY, wording)
    expect(() => JSON.stringify(result)).toThrow(/BigInt/)
    expect(inspect(result)).toContain('n')
    for (const file of ['exposure.ts', 'terms.ts', 'money.ts']) expect(readFileSync(new URL(file, import.meta.url), 'utf8'), file).not.toMatch(/from '.*(log|series|counters|store|audit)[^']*'|console\./)
    expect(readFileSync(new URL('../../protocol/series.ts', import.meta.url), 'utf8')).not.toMatch(/exposure/i)
  })
})

describe('terms', () => {
  const mistakes = (text: string): readonly string[] => {
    try {
      parseExposureTerms(text, 'exposure.yml')
      return []
    } catch (error) {
      if (error instanceof SettingsError) return error.mistakes
      throw error
    }
  }
  const base = shipped('exposure.yml')

  it('tell every mistake with its place, and never print an amount back', () => {
    expect(mistakes(base)).toEqual([])
    expect(mistakes(base.replace("sum: '1000000.00'", 'sum: 1234567.89'))).toEqual(['exposure.yml: contract.sum: expected yuan as text in quotes such as "1000000.00"'])
    expect(mistakes(base.replace("rate: '0.0005'", "rate: '7'"))).toEqual(['exposure.yml: terms.0.perDay.rate: expected a share from "0" to "1" in quotes such as "0.0005"'])
    expect(mistakes(base.replace('rounding: begun }', 'roundin: begun }')).join('\n')).toMatch(/terms\.0\.perDay\.roundin: unknown key, did you mean rounding\?/)
    expect(mistakes(base.replace('duty: dispose', 'duty: respond')).join()).toMatch(/terms\.1\.duty: expected a duty of its own/)
    expect(mistakes(base.replace("    perDay: { rate: '0.0005', rounding: begun }\n", '')).join()).toMatch(/terms\.0: expected perDay or lumps/)
    expect(mistakes('contract: [').length).toBeGreaterThan(0)
  })
})
