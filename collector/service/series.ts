import { METRIC_NAME, gauge } from '../../protocol/series.ts'
import type { Labels, SeriesSpec } from '../../protocol/series.ts'
import type { MonthFigures } from './month.ts'

/** What this room says as samples. Amounts of money are not among them, and never will be. */
export const serviceSeries: readonly SeriesSpec[] = [
  gauge('zhishou_availability_ratio', 'Good ÷ (good + bad) time of a service so far in the day, month or contract year, maintenance counted like any other time; blind time is in neither. No sample while there is nothing to divide.', 'service', 'window'),
  gauge('zhishou_availability_blind_bad_ratio', 'The same with blind time counted as bad: the figure that unwatched time cannot flatter.', 'service', 'window'),
]

/** Samples from the running month's figures; `today` is the office's date. */
export function availabilitySamples(figures: MonthFigures, today: string): readonly { readonly labels: Labels; readonly value: number }[] {
  return figures.services.flatMap(({ service, days, month, year }) =>
    Object.entries({ day: days.find((day) => day.date === today), month, year }).flatMap(([window, one]) => {
      const ratios = [['zhishou_availability_ratio', one?.withMaintenance.ratio], ['zhishou_availability_blind_bad_ratio', one?.withMaintenance.ratioBlindBad]] as const
      return ratios.flatMap(([name, value]) => (typeof value === 'number' ? [{ labels: { [METRIC_NAME]: name, service, window }, value }] : []))
    }),
  )
}
