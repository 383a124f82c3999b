/**
 * The synthetic host of PERFORMANCE §3: per ten series four counters, three walks of two decimals, two gauges in
 * multiples of a page, one constant. Deterministic by seed; the same data goes to us and to a peer.
 */

/** A small fast generator (mulberry32), so that runs repeat. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296
  }
}

export interface SyntheticHost {
  readonly names: readonly string[]
  /** Moves every series one step on and returns the values (the same array each time). */
  step(): Float64Array
}

export function syntheticHost(seed: number, series = 300): SyntheticHost {
  const draw = random(seed)
  const values = new Float64Array(series)
  const kinds = Array.from({ length: series }, (_, index) => index % 10)
  const names = kinds.map((kind, index) => (kind < 4 ? `bench_counter_${index}_total` : kind < 7 ? `bench_walk_${index}` : kind < 9 ? `bench_gauge_${index}_bytes` : `bench_constant_${index}`))
  const speed = kinds.map(() => Math.ceil(10 ** (draw() * 4)))
  for (let index = 0; index < series; index++) {
    const kind = kinds[index] ?? 0
    values[index] = kind < 4 ? Math.floor(draw() * 1e9) : kind < 7 ? Math.round(draw() * 10_000) / 100 : kind < 9 ? Math.floor(draw() * 1e6) * 4096 : Math.floor(draw() * 100)
  }
  return {
    names,
    step() {
      for (let index = 0; index < series; index++) {
        const kind = kinds[index] ?? 0
        const value = values[index] ?? 0
        if (kind < 4) values[index] = value + Math.floor(draw() * (speed[index] ?? 1))
        else if (kind < 7) values[index] = Math.max(0, Math.round(value * 100 + (draw() - 0.5) * 40) / 100)
        else if (kind < 9) values[index] = Math.max(0, value + Math.floor((draw() - 0.5) * 64) * 4096)
      }
      return values
    },
  }
}
