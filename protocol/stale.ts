/**
 * The "no sample here" mark inside a column of float64: Prometheus's stale marker, NaN with bits 0x7ff0000000000002.
 *
 * A row of a group always has one cell per column; a series that was not read in that tick holds this mark, which means
 * what it means in Prometheus: the series ended (or had not begun) at that time. JavaScript cannot see NaN payloads and
 * an engine may quieten a signalling NaN when a double passes through a register (0x7ff8…02), so cells are tested and
 * written through a Uint32Array over the same bytes (little-endian, as on x86-64 and arm64), and both forms count.
 */
const LOW = 2
const HIGH = 0x7ff00000

/** A Uint32 view over the same bytes as `values`, for the two functions below. */
export function bitsOf(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
}

/** Whether cell `index` of the column under `bits` holds the stale mark. An ordinary NaN does not. */
export function isStale(bits: Uint32Array, index: number): boolean {
  return bits[index * 2] === LOW && ((bits[index * 2 + 1] ?? 0) & 0xfff7ffff) >>> 0 === HIGH
}

/** Writes the stale mark to cell `index`. */
export function setStale(bits: Uint32Array, index: number): void {
  bits[index * 2] = LOW
  bits[index * 2 + 1] = HIGH
}

/** Fills cells `from` up to `to` (excluded) with the stale mark. */
export function fillStale(values: Float64Array, from = 0, to = values.length): void {
  const bits = bitsOf(values)
  for (let index = from; index < to; index++) setStale(bits, index)
}
