/**
 * Byte areas that are handed out and taken back. Packed blocks live for half an hour each; left to the garbage collector
 * their memory would swing by tens of megabytes. Sizes are rounded up by at most an eighth so that areas fit again.
 */
export interface BytePool {
  /** An area of at least `size` bytes; what it holds is undefined. */
  take(size: number): Uint8Array
  give(area: Uint8Array): void
}

/** Areas kept for later, bytes in all; more are left to the garbage collector. */
const KEPT_BYTES = 8 * 1024 * 1024

/** An empty pool. */
export function createBytePool(): BytePool {
  const free = new Map<number, Uint8Array[]>()
  let kept = 0
  return {
    take(size) {
      const rounded = roundedSize(size)
      const area = free.get(rounded)?.pop()
      if (area === undefined) return new Uint8Array(rounded)
      kept -= rounded
      return area
    },
    give(area) {
      if (kept + area.length > KEPT_BYTES) return
      kept += area.length
      const same = free.get(area.length)
      if (same === undefined) free.set(area.length, [area])
      else same.push(area)
    },
  }
}

function roundedSize(size: number): number {
  const step = Math.max(64, 2 ** (Math.ceil(Math.log2(size + 1)) - 4))
  return Math.ceil(size / step) * step
}
