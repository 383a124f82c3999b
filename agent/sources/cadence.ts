import type { Cadence } from './source.ts'

const PERIOD_MS: Readonly<Record<Exclude<Cadence, 'tick' | 'push'>, number>> = { minute: 60_000, hour: 3_600_000 }

/**
 * Which cadences are due at `now` when the last tick was at `last` (undefined: none yet, everything is due). Minute and
 * hour are those of the wall clock in UTC: due with the first tick inside a new one, also after the clock was set back.
 */
export function dueCadences(now: number, last: number | undefined): readonly Cadence[] {
  if (last === undefined) return ['tick', 'minute', 'hour']
  const due: Cadence[] = ['tick']
  for (const cadence of ['minute', 'hour'] as const) {
    const periodMs = PERIOD_MS[cadence]
    if (Math.floor(now / periodMs) !== Math.floor(last / periodMs)) due.push(cadence)
  }
  return due
}

/** The next multiple of the interval on the wall clock, epoch milliseconds, strictly after `now`. */
export function nextTickAt(now: number, intervalMs: number): number {
  return (Math.floor(now / intervalMs) + 1) * intervalMs
}
