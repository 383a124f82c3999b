import type { Work } from '../promql/work.ts'
import type { AlertChange } from './alert.ts'
import { abandon } from './evaluate.ts'
import type { RunningGroup, RunningRule } from './group.ts'
import { heartbeatMs, restore } from './saved.ts'
import type { SavedAlert, SavedChange } from './saved.ts'
import type { AlertState } from './state.ts'
import { seriesKey } from '../../protocol/series.ts'
import type { Querier } from '../store/store.ts'
import { selectorsWithData } from './senses.ts'

/** What is saved of the alerts, kept beside the states so that only differences are written. */
export interface Ledger {
  /** The differences between what is saved and the rules' states at `now`. */
  differences(groups: readonly RunningGroup[], now: number): Work<readonly SavedChange[]>
  /** To be called when those differences were saved. */
  saved(changes: readonly SavedChange[]): void
}

interface Entry {
  readonly group: string
  readonly ruleKey: string
  readonly state: AlertState
  readonly savedAt: number
}

/** A ledger that begins with what was loaded. */
export function ledgerOf(loaded: readonly SavedAlert[]): Ledger {
  // By rule, then by alert: it is gone through after every pass, so no key is put together for what did not change.
  const entries = new Map<string, Map<string, Entry>>()
  const keep = (one: SavedAlert): void => {
    const rule = ruleKeyOf(one.group, one.ruleKey)
    let own = entries.get(rule)
    if (own === undefined) entries.set(rule, (own = new Map<string, Entry>()))
    own.set(seriesKey(one.state.labels), one)
  }
  loaded.forEach(keep)
  return {
    *differences(groups, now) {
      const changes: SavedChange[] = []
      const present = new Map<string, ReadonlyMap<string, AlertState>>()
      for (const { id, rules } of groups) {
        for (const { rule, states } of rules) {
          const name = ruleKeyOf(id, rule.key)
          present.set(name, states)
          const own = entries.get(name)
          for (const [key, state] of states) {
            yield
            const before = own?.get(key)
            if (before !== undefined && !differs(before, state, now)) continue
            changes.push({ kind: 'put', alert: { group: id, ruleKey: rule.key, state, savedAt: now } })
          }
        }
      }
      for (const [name, own] of entries) {
        const states = present.get(name)
        for (const [key, { group, ruleKey, state }] of own) if (states?.has(key) !== true) changes.push({ kind: 'drop', group, ruleKey, labels: state.labels })
        yield
      }
      return changes
    },
    saved(changes) {
      for (const change of changes) {
        if (change.kind === 'drop') entries.get(ruleKeyOf(change.group, change.ruleKey))?.delete(seriesKey(change.labels))
        else keep(change.alert)
      }
    },
  }
}

function ruleKeyOf(group: string, ruleKey: string): string {
  return `${group}\n${ruleKey}`
}

/** Values and the newest hold are worth a write only with the heartbeat; everything a restart must know, at once. */
function differs(before: Entry, state: AlertState, now: number): boolean {
  if (before.state === state) return isActive(state) && now - before.savedAt >= heartbeatMs
  if (before.state.activeAt !== state.activeAt || before.state.startedAt !== state.startedAt) return true
  if (before.state.phase !== state.phase && JSON.stringify(before.state.phase) !== JSON.stringify(state.phase)) return true
  return isActive(state) && now - before.savedAt >= heartbeatMs
}

function isActive(state: AlertState): boolean {
  return state.phase.state !== 'resolved'
}

/** Puts saved alerts back into the rules they belong to. Alerts whose rule is gone end as `no-data`. */
export function restoreAll(groups: readonly RunningGroup[], loaded: readonly SavedAlert[], querier: Querier, now: number): readonly AlertChange[] {
  const changes: AlertChange[] = []
  const found = new Map<string, RunningRule>()
  for (const { id, rules } of groups) for (const running of rules) found.set(`${id}\n${running.rule.key}`, running)
  // Alerts are saved in turn; the newest save tells when the collector was last alive.
  const aliveAt = loaded.reduce((newest, one) => Math.max(newest, one.savedAt), -Infinity)
  for (const saved of loaded) {
    const running = found.get(`${saved.group}\n${saved.ruleKey}`)
    if (running === undefined) {
      const ended = abandon(saved.group, saved.state.labels['alertname'] ?? '', saved.state, now, () => [])
      if (ended?.change !== undefined) changes.push(ended.change)
      continue
    }
    const restored = restore({ ...saved, savedAt: aliveAt }, running.rule.name, now, (result, at) => selectorsWithData(running.reach, result, querier, at))
    if (restored === undefined) continue
    running.states = new Map([...running.states, [seriesKey(restored.state.labels), restored.state]])
    if (restored.change !== undefined) changes.push(restored.change)
  }
  return changes
}

/** Hands the states of rules that are in both sets over to the new ones; alerts of rules that are gone end as `no-data`. */
export function handOver(before: readonly RunningGroup[], after: readonly RunningGroup[], now: number): readonly AlertChange[] {
  const found = new Map<string, RunningRule>()
  for (const { id, rules } of after) for (const running of rules) found.set(`${id}\n${running.rule.key}`, running)
  const changes: AlertChange[] = []
  for (const { id, rules } of before) {
    for (const old of rules) {
      const next = found.get(`${id}\n${old.rule.key}`)
      if (next !== undefined) {
        next.states = old.states
        next.written = old.written
        next.lastAt = old.lastAt
        continue
      }
      for (const state of old.states.values()) {
        const ended = abandon(id, old.rule.name, state, now, () => [])
        if (ended?.change !== undefined) changes.push(ended.change)
      }
    }
  }
  return changes
}
