/** July 2026, reckoned by hand. The comments are the sums; the code must agree to the second. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { at, exampleFaults, exampleSources } from './example-month.fixture.ts'
import { figureAt, monthBody } from './frozen-month.ts'
import { monthFigures, monthInputs } from './month.ts'
import type { MonthFigures, MonthInputs, MonthSources } from './month.ts'
import { availabilitySamples } from './series.ts'

function inputsOf(sources: MonthSources, asOf: number, month = '2026-07'): MonthInputs {
  const result = monthInputs(sources, month, asOf)
  if (result.kind !== 'known') throw new Error(`no calendar for ${result.date}`)
  return result.inputs
}
const of = (figures: MonthFigures, service: string): MonthFigures['services'][number] => figures.services.find((one) => one.service === service)!
const seconds = ({ goodMs, badMs, blindMs }: { goodMs: number; badMs: number; blindMs: number }): readonly number[] => [goodMs / 1_000, badMs / 1_000, blindMs / 1_000]
const AUGUST = at('2026-08-03 09:00:00')
const figures = monthFigures(inputsOf(exampleSources, AUGUST))
const portal = of(figures, 'portal')

describe('the hand-computed month', () => {
  // July has 31 days × 86,400 s = 2,678,400 s.
  //
  // Bad time of portal in July:
  //   F20260630-001  00:00:00 – 00:25:30 on the 1st              25 × 60 + 30           =  1,530
  //   F20260708-001  23:10:20 – 24:00:00 on the 8th              49 × 60 + 40           =  2,980
  //                  00:00:00 – 01:45:05 on the 9th              105 × 60 + 5           =  6,305
  //   F20260715-001  10:00 – 10:30 and 10:45 – 11:20             1,800 + 2,100          =  3,900
  //   F20260718-001  23:50 – 24:00 on the 18th                                             600
  //                  00:00 – 00:40 on the 19th                                           2,400
  //   F20260725-001  12:05 – 12:15                                                         600
  //   F20260727-001 and -002  one link each: bad only while both are down, 08:40 – 09:00   1,200
  //   F20260728-001  info: nothing.  F20260729-001  merged: nothing.
  //   F20260731-001  23:30 – 24:00 on the 31st                                           1,800
  //   together 1,530 + 2,980 + 6,305 + 3,900 + 600 + 2,400 + 600 + 1,200 + 1,800        = 21,315
  //
  // Blind time of portal:
  //   22nd  03:00:00 – 03:12:30, collector down                                            750
  //   25th  12:00 – 12:20, agent silent, less 12:05 – 12:15 which was bad: 1,200 − 600   =  600
  //   together                                                                           1,350
  //
  // Good: 2,678,400 − 21,315 − 1,350 = 2,655,735.
  it('agrees for the month, maintenance counted', () => {
    expect(seconds(portal.month.withMaintenance)).toEqual([2_655_735, 21_315, 1_350])
    expect(portal.month.withMaintenance.ratio).toBe(2_655_735 / 2_677_050)
    expect(portal.month.withMaintenance.ratioBlindBad).toBe(2_655_735 / 2_678_400)
  })

  // Maintenance M20260716-001: 22:00 on the 18th to 00:30 on the 19th (shortened from 02:00) = 9,000 s.
  //   counted  2,678,400 − 9,000 = 2,669,400
  //   bad      21,315 − (23:50 – 00:30 of F20260718-001 = 2,400) = 18,915
  //   blind    1,350 as before;  good 2,669,400 − 18,915 − 1,350 = 2,649,135
  // M20260716-002 was never approved and takes out nothing.
  it('agrees for the month, maintenance left out', () => {
    expect(portal.month.maintenanceMs / 1_000).toBe(9_000)
    expect(seconds(portal.month.withoutMaintenance)).toEqual([2_649_135, 18_915, 1_350])
    expect(portal.month.withoutMaintenance.ratio).toBe(2_649_135 / 2_668_050)
  })

  it('agrees day by day', () => {
    const day = (date: string): MonthFigures['services'][number]['days'][number] => portal.days.find((one) => one.date === date)!
    expect(portal.days.length).toBe(31)
    expect(seconds(day('2026-07-01').withMaintenance)).toEqual([86_400 - 1_530, 1_530, 0])
    expect(seconds(day('2026-07-08').withMaintenance)).toEqual([86_400 - 2_980, 2_980, 0])
    expect(seconds(day('2026-07-09').withMaintenance)).toEqual([86_400 - 6_305, 6_305, 0])
    expect(seconds(day('2026-07-10').withMaintenance)).toEqual([86_400, 0, 0])
    expect(seconds(day('2026-07-15').withMaintenance)).toEqual([86_400 - 3_900, 3_900, 0])
    // The 18th: 22:00 – 24:00 is maintenance (7,200 s), with all of that day's bad time in it.
    expect(seconds(day('2026-07-18').withMaintenance)).toEqual([85_800, 600, 0])
    expect(seconds(day('2026-07-18').withoutMaintenance)).toEqual([79_200, 0, 0])
    // The 19th: 00:00 – 00:30 is maintenance (1,800 s); bad 00:00 – 00:40, of which 00:30 – 00:40 is outside of it.
    expect(seconds(day('2026-07-19').withMaintenance)).toEqual([84_000, 2_400, 0])
    expect(seconds(day('2026-07-19').withoutMaintenance)).toEqual([84_000, 600, 0])
    expect(seconds(day('2026-07-22').withMaintenance)).toEqual([85_650, 0, 750])
    expect(seconds(day('2026-07-25').withMaintenance)).toEqual([85_200, 600, 600])
    expect(seconds(day('2026-07-27').withMaintenance)).toEqual([85_200, 1_200, 0])
    expect(seconds(day('2026-07-28').withMaintenance)).toEqual([86_400, 0, 0])
    expect(seconds(day('2026-07-31').withMaintenance)).toEqual([84_600, 1_800, 0])
  })

  // The contract year began on 1 March: 31 + 30 + 31 + 30 + 31 = 153 days = 13,219,200 s. Bad: July's 21,315 and
  // 23:40 – 24:00 of 30 June = 1,200, together 22,515. Blind 1,350. Good 13,219,200 − 22,515 − 1,350 = 13,195,335.
  it('agrees for the contract year', () => {
    expect(portal.year).toMatchObject({ number: 1, from: at('2026-03-01 00:00:00'), to: at('2026-08-01 00:00:00') })
    expect(seconds(portal.year.withMaintenance)).toEqual([13_195_335, 22_515, 1_350])
  })

  it('says which incident took how much', () => {
    expect(portal.month.incidents.map(({ number, badMs }) => [number, badMs / 1_000])).toEqual([
      ['F20260630-001', 1_530], ['F20260708-001', 9_285], ['F20260715-001', 3_900], ['F20260718-001', 3_000], ['F20260725-001', 600],
      ['F20260727-001', 1_200], ['F20260727-002', 1_200], ['F20260731-001', 1_800],
    ])
  })

  // business, 09:00 – 12:00 and 13:00 – 18:00, 28,800 s a working day. July 2026 has 23 days from Monday to Friday; one
  // of them is off and one Saturday worked: 23 × 28,800 = 662,400 s. F20260709-001 in those hours:
  //   9th   17:30 – 18:00   1,800     10th  off   0     11th  worked, all of it   28,800     12th  Sunday   0
  //   13th  09:00 – 09:20   1,200     together 31,800;  good 662,400 − 31,800 = 630,600
  // The collector was down at night, outside the hours. March to June have 22 + 22 + 21 + 22 = 87 such days, so the
  // contract year has 110 × 28,800 = 3,168,000 s, and good 3,168,000 − 31,800 = 3,136,200.
  it('agrees for a service of office hours', () => {
    const business = of(figures, 'business')
    expect(seconds(business.month.withMaintenance)).toEqual([630_600, 31_800, 0])
    expect(seconds(business.year.withMaintenance)).toEqual([3_136_200, 31_800, 0])
    expect(business.days.find((one) => one.date === '2026-07-10')?.withMaintenance).toMatchObject({ goodMs: 0, badMs: 0, ratio: null })
    expect(seconds(business.days.find((one) => one.date === '2026-07-11')!.withMaintenance)).toEqual([0, 28_800, 0])
    expect(monthInputs({ ...exampleSources }, '2027-01', AUGUST)).toEqual({ kind: 'calendar-missing', date: '2027-01-01' })
  })

  // Clocks of the incidents that began in July (limits 3,600 / 7,200 / 86,400 s):
  //   F20260708-001  respond 23:10:20 → 23:58:20 = 2,880 met; dispose → 01:10:21 = 7,201 breached by 1; recover 9,285 met
  //   F20260709-001  respond 900 met; dispose 5,400 met; recover 17:30 on the 9th → 09:20 on the 13th
  //                  = 3 days 15 h 50 min = 316,200 breached by 229,800
  //   F20260715-001  respond 3,599 met; dispose 7,200, exactly its limit, met; recover 4,800 met
  //   F20260718-001  (in maintenance) respond 3,660 breached by 60; dispose 3,600 met; recover 3,000 met
  //   F20260725-001, F20260727-001, -002, F20260728-001 (recover 36 h = 129,600, breached by 43,200), F20260731-001
  // respond: 9 counted, 1 breached; dispose: 1 breached; recover: 2 breached. Without maintenance 8, 0 / 1 / 2.
  it('agrees for the SLA book', () => {
    const { book } = figures
    const clocks = (number: string): unknown => book.entries.find((entry) => entry.number === number)?.clocks.map((clock) => [clock.outcome, clock.usedSeconds, clock.overSeconds])
    expect(clocks('F20260708-001')).toEqual([['met', 2_880, 0], ['breached', 7_201, 1], ['met', 9_285, 0]])
    expect(clocks('F20260709-001')).toEqual([['met', 900, 0], ['met', 5_400, 0], ['breached', 316_200, 229_800]])
    expect(clocks('F20260715-001')).toEqual([['met', 3_599, 0], ['met', 7_200, 0], ['met', 4_800, 0]])
    expect(clocks('F20260718-001')).toEqual([['breached', 3_660, 60], ['met', 3_600, 0], ['met', 3_000, 0]])
    expect(clocks('F20260728-001')).toEqual([['met', 1_800, 0], ['met', 3_600, 0], ['breached', 129_600, 43_200]])
    expect(clocks('F20260731-001')).toEqual([['met', 1_800, 0], ['met', 2_400, 0], ['met', 2_745, 0]])
    expect(clocks('F20260630-001')).toBeUndefined()
    const rates = ({ incidents, respond, dispose, recover }: typeof book.overall.withMaintenance): readonly number[] => [incidents, respond.met, respond.breached, dispose.met, dispose.breached, recover.met, recover.breached]
    expect(rates(book.overall.withMaintenance)).toEqual([9, 8, 1, 8, 1, 7, 2])
    expect(rates(book.overall.withoutMaintenance)).toEqual([8, 8, 0, 7, 1, 6, 2])
    expect(book.byService.map((one) => [one.service, one.withMaintenance.incidents])).toEqual([['business', 1], ['portal', 8]])
  })

  // August has only the end of F20260731-001: 00:00:00 – 00:15:45 = 945 s, of the 2 days and 9 hours that have passed.
  it('goes on where the month ended', () => {
    const august = of(monthFigures(inputsOf(exampleSources, AUGUST, '2026-08')), 'portal')
    expect(seconds(august.month.withMaintenance)).toEqual([2 * 86_400 + 9 * 3_600 - 945, 945, 0])
    // March to July as above, and 945 s more.
    expect(august.year.withMaintenance.badMs).toBe((22_515 + 945) * 1_000)
  })

  it('gives a sample for today, the month and the year, and none where there is nothing to divide', () => {
    const now = at('2026-07-09 12:00:00')
    const running = monthFigures(inputsOf(exampleSources, now))
    const all = availabilitySamples(running, '2026-07-09')
    const named = (name: string): Map<string, number> => new Map(all.filter(({ labels }) => labels['__name__'] === name).map(({ labels, value }) => [`${labels['service']} ${labels['window']}`, value]))
    const samples = named('zhishou_availability_ratio')
    expect(samples.get('portal day')).toBe((43_200 - 6_305) / 43_200)
    expect([...samples.keys()]).toEqual(['portal day', 'portal month', 'portal year', 'business day', 'business month', 'business year'])
    // The stricter figure stands beside each, and is less where the monitoring was blind.
    const end = availabilitySamples(monthFigures(inputsOf(exampleSources, at('2026-07-31 23:59:59'))), '2026-07-31').filter(({ labels }) => labels['window'] === 'month')
    const ratio = (name: string): Map<string, number> => new Map(end.filter(({ labels }) => labels['__name__'] === name).map(({ labels, value }) => [labels['service'] ?? '', value]))
    const [plain, strict] = [ratio('zhishou_availability_ratio'), ratio('zhishou_availability_blind_bad_ratio')]
    expect([...strict.keys()]).toEqual([...plain.keys()])
    expect([...strict].filter(([of, value]) => value < (plain.get(of) ?? 0)).map(([of]) => of)).toEqual(['portal'])
    expect(availabilitySamples(running, '2026-07-10').map(({ labels }) => labels['window']).filter((window) => window === 'day')).toEqual([])
  })
})

describe('the arithmetic of a month', () => {
  it('does not hang on the order of what it is told', () => {
    const expected = monthFigures(inputsOf(exampleSources, AUGUST))
    fc.assert(
      fc.property(fc.shuffledSubarray([...exampleFaults], { minLength: exampleFaults.length }), (faults) => {
        expect(monthFigures(inputsOf({ ...exampleSources, faults }, AUGUST))).toEqual(expected)
      }),
      { seed, numRuns: scaled(20, 500) },
    )
  })

  it('survives JSON: what is frozen gives the same figures when it is read back', () => {
    const body = monthBody(inputsOf(exampleSources, AUGUST))
    const read = JSON.parse(body) as { inputs: MonthInputs; figures: never }
    expect(monthBody(read.inputs)).toBe(body)
    expect(figureAt(read.figures, 'services.0.month.withMaintenance.badMs')).toBe(21_315_000)
    expect(figureAt(read.figures, 'services.1.days.9.withMaintenance.ratio')).toBeNull()
    for (const path of ['services.0.month', 'services.9', 'nothing', '', 'services.0.month.constructor']) expect(figureAt(read.figures, path), path).toBeUndefined()
  })

  it('adds up in every zone: the days of a month are the month', () => {
    const start = at('2026-07-01 00:00:00')
    const hours = fc.integer({ min: -48, max: 32 * 24 })
    const stretch = fc.tuple(hours, fc.integer({ min: 0, max: 72 * 60 })).map(([from, minutes]) => ({ from: start + from * 3_600_000, to: start + from * 3_600_000 + minutes * 60_000 }))
    fc.assert(
      fc.property(fc.constantFrom('Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Pacific/Chatham'), fc.constantFrom('2026-03', '2026-06', '2026-07', '2026-10', '2026-11'), fc.array(stretch, { maxLength: 6 }), fc.array(stretch, { maxLength: 3 }), (zone, month, bad, blind) => {
        const shift = Date.parse(`${month}-01T00:00:00Z`) - start
        const faults = bad.map(({ from, to }, index) => ({ ...exampleFaults[0]!, number: `F${index}`, from: from + shift, to: to + shift }))
        const sources = { ...exampleSources, zone, faults, blind: blind.map(({ from, to }) => ({ from: from + shift, to: to + shift, why: 'no-data' as const, service: '', object: '' })) }
        for (const { days, month: whole } of monthFigures(inputsOf(sources, Date.UTC(2026, 11, 20), month)).services) {
          for (const kind of ['withMaintenance', 'withoutMaintenance'] as const) {
            for (const part of ['goodMs', 'badMs', 'blindMs'] as const) expect(days.reduce((sum, one) => sum + one[kind][part], 0)).toBe(whole[kind][part])
          }
        }
      }),
      { seed, numRuns: scaled(40, 1_000) },
    )
  })
})
