import { createHash } from 'node:crypto'
import type { RunningGroup, RunningRule } from './group.ts'

/** When a group is evaluated: at `offset + n × interval`, so that groups of one interval do not all run at once. */
export interface Slot {
  readonly group: RunningGroup
  /** The next evaluation's nominal time, epoch milliseconds. */
  nextAt: number
}

/** Rules of one group that are due at one time, in their order. */
export interface Due {
  readonly group: RunningGroup
  readonly rules: readonly RunningRule[]
  readonly at: number
  /** Whether the whole group is due by its interval (false: some of its rules by fresh data). */
  readonly whole: boolean
}

/** The group's slot; its first evaluation is the first nominal time after `now`. The offset is a hash of its identity. */
export function slotFor(group: RunningGroup, now: number): Slot {
  const offset = createHash('sha256').update(group.id).digest().readUInt32BE(0) % group.intervalMs
  return { group, nextAt: Math.floor((now - offset) / group.intervalMs) * group.intervalMs + offset + group.intervalMs }
}

/** What is due by interval at `now`; moves the slots on. A late group runs once, at its newest nominal time; the rest is missed. */
export function takeDue(slots: readonly Slot[], now: number): readonly (Due & { readonly missed: number })[] {
  const due: (Due & { readonly missed: number })[] = []
  for (const slot of slots) {
    if (slot.nextAt > now) continue
    const { group } = slot
    const missed = Math.floor((now - slot.nextAt) / group.intervalMs)
    const at = slot.nextAt + missed * group.intervalMs
    slot.nextAt = at + group.intervalMs
    due.push({ group, rules: group.rules, at, whole: true, missed })
  }
  return due.sort((a, b) => a.at - b.at)
}

/** A rule that fresh data asked for may use this share of one CPU at most: it waits until it has rested this many times its own cost. */
const restFactor = 20

/**
 * The rules of a group that name one of the metrics, or a metric that one of those rules records, and have rested long
 * enough. `waiting`: those that name one but must rest first.
 */
export function namedRules(group: RunningGroup, names: ReadonlySet<string>, now: number): { readonly due: readonly RunningRule[]; readonly waiting: boolean } {
  const wanted = new Set<string>(names)
  const due: RunningRule[] = []
  let waiting = false
  for (const running of group.rules) {
    if (![...running.names].some((name) => name === undefined || wanted.has(name))) continue
    if (running.lastAt !== undefined && now - running.lastAt < running.seconds * 1000 * restFactor) {
      waiting = true
      continue
    }
    due.push(running)
    if (running.rule.kind === 'recording') wanted.add(running.rule.name)
  }
  return { due, waiting }
}
