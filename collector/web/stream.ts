/** Live hints for consoles: which topics changed. Coalesced, so a storm of alerts costs each console two reads a second. */
import type { StreamHint } from '../../protocol/api.ts'

export type Topic = StreamHint['topics'][number]

export interface Hints {
  publish(...topics: readonly Topic[]): void
  /** Calls `listener` with what changed, at most once per `gapMs`; returns what ends it. */
  subscribe(listener: (hint: StreamHint) => void): () => void
  readonly listeners: number
}

export function createHints(gapMs: number): Hints {
  const listeners = new Set<(hint: StreamHint) => void>()
  const waiting = new Set<Topic>()
  let timer: NodeJS.Timeout | undefined
  const flush = (): void => {
    timer = undefined
    const hint: StreamHint = { topics: [...waiting] }
    waiting.clear()
    for (const listener of listeners) listener(hint)
  }
  return {
    publish(...topics) {
      if (listeners.size === 0) return
      for (const topic of topics) waiting.add(topic)
      timer ??= setTimeout(flush, gapMs).unref()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    get listeners() {
      return listeners.size
    },
  }
}
