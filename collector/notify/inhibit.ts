/**
 * Inhibition: an alert is muted while another one fires that a rule names as its cause and that agrees in the labels
 * the rule names. Source: alertmanager 0.25 `inhibit/inhibit.go`.
 */
import type { Labels } from '../../protocol/series.ts'
import type { LabelMatcher } from './matcher.ts'
import { matchesAll } from './matcher.ts'
import { isResolved } from './routed-alert.ts'
import type { RoutedAlert } from './routed-alert.ts'

export interface InhibitRule {
  readonly source: readonly LabelMatcher[]
  readonly target: readonly LabelMatcher[]
  /** Labels that must be equal in both; one that both lack is equal. */
  readonly equal: readonly string[]
}

/** Holds the alerts that may inhibit. Its answers depend on what was put in and on `now` only. */
export interface Inhibitor {
  put(alert: RoutedAlert): void
  remove(fingerprint: string): void
  /** Fingerprints of the alerts that mute one with these labels, in order, each once. */
  inhibitedBy(labels: Labels, now: number): readonly string[]
}

interface Sources {
  readonly rule: InhibitRule
  /** Source alerts by the values of the rule's equal labels: a storm of targets must not walk all sources each. */
  readonly byValues: Map<string, Map<string, RoutedAlert>>
  readonly placeOf: Map<string, string>
}

const valuesOf = (rule: InhibitRule, labels: Labels): string => JSON.stringify(rule.equal.map((name) => labels[name] ?? ''))

/** An inhibitor for these rules, with no alerts yet. */
export function createInhibitor(rules: readonly InhibitRule[]): Inhibitor {
  const all = rules.map((rule): Sources => ({ rule, byValues: new Map(), placeOf: new Map() }))

  function forget(sources: Sources, fingerprint: string): void {
    const place = sources.placeOf.get(fingerprint)
    if (place === undefined) return
    sources.placeOf.delete(fingerprint)
    const alerts = sources.byValues.get(place)
    alerts?.delete(fingerprint)
    if (alerts?.size === 0) sources.byValues.delete(place)
  }

  return {
    put(alert) {
      for (const sources of all) {
        forget(sources, alert.fingerprint)
        if (!matchesAll(sources.rule.source, alert.routing)) continue
        const place = valuesOf(sources.rule, alert.routing)
        const alerts = sources.byValues.get(place) ?? new Map<string, RoutedAlert>()
        alerts.set(alert.fingerprint, alert)
        sources.byValues.set(place, alerts)
        sources.placeOf.set(alert.fingerprint, place)
      }
    },
    remove(fingerprint) {
      for (const sources of all) forget(sources, fingerprint)
    },
    inhibitedBy(labels, now) {
      const found = new Set<string>()
      for (const { rule, byValues } of all) {
        if (!matchesAll(rule.target, labels)) continue
        const alerts = byValues.get(valuesOf(rule, labels))
        if (alerts === undefined) continue
        // An alert that is on both sides is not muted by others that are: they would mute each other, or itself.
        const bothSides = matchesAll(rule.source, labels)
        for (const alert of alerts.values()) {
          if (isResolved(alert, now) || (bothSides && matchesAll(rule.target, alert.routing))) continue
          found.add(alert.fingerprint)
        }
      }
      return [...found].sort()
    },
  }
}
