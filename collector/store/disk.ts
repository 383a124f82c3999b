/**
 * What a disk that fills up forces, in this order: drop the oldest samples early, then accept nothing. Pure: `decide`
 * takes what was measured.
 */
import type { StoreSettings } from './settings.ts'

export interface DiskState {
  readonly degraded: 'no' | 'shortened' | 'full'
  /** Samples before this are dropped, whatever retention says; -Infinity while the disk has forced nothing. */
  readonly keptSinceMs: number
}

export const ROOMY: DiskState = { degraded: 'no', keptSinceMs: -Infinity }

/** Each step drops this much more of the oldest time. */
const STEP_MS = 3_600_000

/**
 * @param freeBytes room on the disk and inside the file
 * @param oldestMs end of the oldest chunk; Infinity when there is none
 * @param keptSinceMs what the settings' longest retention would keep now
 */
export function decideDisk(last: DiskState, freeBytes: number, oldestMs: number, keptSinceMs: number, now: number, settings: StoreSettings): DiskState {
  const latest = now - settings.leastRetentionMs
  let since = last.keptSinceMs
  if (freeBytes < settings.lowBytes && oldestMs < latest) since = Math.min(latest, Math.max(since, oldestMs + STEP_MS))
  if (freeBytes < settings.floorBytes) return { degraded: 'full', keptSinceMs: since }
  // What has been dropped is missing until retention would have dropped it too.
  return { degraded: since > keptSinceMs ? 'shortened' : 'no', keptSinceMs: since }
}
