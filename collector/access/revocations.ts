import { readWhole, writeWhole } from './pem-file.ts'

/**
 * Serials that are no longer welcome, kept in the pki folder itself so that a collector restored from that folder alone
 * still turns them away. One line each: serial (upper-case hex), time (ISO 8601), reason.
 */
export interface Revocations {
  has(serial: string): boolean
  /** Adds those that are new and writes the file; durable when it returns. */
  add(serials: readonly string[], now: number, why: string): void
  /** All serials, unsorted. */
  list(): readonly string[]
}

/** Opens the list at that path; a missing file is an empty list. Throws naming file and line where one is malformed. */
export function openRevocations(path: string): Revocations {
  const lines = new Map<string, string>()
  for (const [index, line] of (readWhole(path) ?? '').split('\n').entries()) {
    if (line === '') continue
    const serial = /^([0-9A-F]{2,40}) \S+ .*$/.exec(line)?.[1]
    // Skipping it would let a revoked agent in again.
    if (serial === undefined) throw new Error(`pki: ${path}: line ${index + 1} is not "SERIAL TIME REASON"; repair or restore the file`)
    lines.set(serial, line)
  }
  return {
    has: (serial) => lines.has(serial.toUpperCase()),
    add(serials, now, why) {
      const fresh = serials.map((serial) => serial.toUpperCase()).filter((serial) => !lines.has(serial))
      if (fresh.length === 0) return
      const reason = why.replaceAll(/\s+/g, ' ').slice(0, 200)
      const added = new Map(fresh.map((serial) => [serial, `${serial} ${new Date(now).toISOString()} ${reason}`]))
      writeWhole(path, [...lines.values(), ...added.values(), ''].join('\n'))
      for (const [serial, line] of added) lines.set(serial, line)
    },
    list: () => [...lines.keys()],
  }
}
