/** Counts failures by network address and says when an address has to wait. Bounded; times are passed in. */
export interface Attempts {
  /** Milliseconds this address must wait before its next try; 0 when it may try now. */
  waitMs(address: string, now: number): number
  failed(address: string, now: number): void
}

export interface AttemptLimits {
  /** Failures an address may have within the window. */
  readonly failures: number
  readonly windowMs: number
  /** Addresses remembered; beyond it the oldest is forgotten. */
  readonly addresses: number
}

/** A sliding window per address, kept in memory: a restart forgives, which costs an attacker of a 256-bit secret nothing. */
export function createAttempts(limits: AttemptLimits): Attempts {
  const times = new Map<string, number[]>()
  const recent = (address: string, now: number): number[] => (times.get(address) ?? []).filter((at) => at > now - limits.windowMs && at <= now)
  return {
    waitMs(address, now) {
      const failures = recent(address, now)
      const first = failures[0]
      return first === undefined || failures.length < limits.failures ? 0 : first + limits.windowMs - now
    },
    failed(address, now) {
      const failures = [...recent(address, now), now].slice(-limits.failures)
      // Deleting first moves the address to the end, so the map's first key is the one quiet for longest.
      times.delete(address)
      times.set(address, failures)
      const oldest = times.keys().next()
      if (times.size > limits.addresses && oldest.done !== true) times.delete(oldest.value)
    },
  }
}
