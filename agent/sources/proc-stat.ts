import { performance } from 'node:perf_hooks'
import type { Host } from '../host.ts'
import { type Steps, settled } from './steps.ts'

/** Within one tick both readers of /proc/stat use one text: on a machine of many cores and interrupts it is dear to make. */
const SHARED_MS = 50

const texts = new WeakMap<Host, { readonly text: string; readonly readMs: number }>()

/** The text of /proc/stat, at most 50 ms old. Throws the file system's error. */
export function* procStat(host: Host): Steps<string> {
  const nowMs = performance.now()
  const kept = texts.get(host)
  if (kept !== undefined && nowMs - kept.readMs < SHARED_MS) return kept.text
  const text = yield* settled(host.read('/proc/stat'))
  texts.set(host, { text, readMs: nowMs })
  return text
}
