import { randomUUID } from 'node:crypto'
import type { Labels } from '../../protocol/series.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import type { Store, StoreRow } from '../store/store.ts'
import type { Alert, AlertChange } from './alert.ts'
import { alertsOf, runRule, startGroup } from './group.ts'
import type { RuleOutcome, RuleRow, RunningGroup, RunningRule } from './group.ts'
import { handOver, ledgerOf, restoreAll } from './ledger.ts'
import { overlay } from './overlay.ts'
import type { Overlay } from './overlay.ts'
import type { RuleGroup } from './rule.ts'
import type { RuleStateStore } from './saved.ts'
import { namedRules, slotFor, takeDue } from './schedule.ts'
import type { Due, Slot } from './schedule.ts'
import { groupResults } from './shared-parts.ts'
import type { GroupResults } from './shared-parts.ts'
import { searchBudget } from './start.ts'
import type { SearchBudget } from './start.ts'
import { takeTurns } from './turns.ts'
import type { Turns } from './turns.ts'
import { groupStatus } from './view.ts'
import type { RuleGroupStatus } from './view.ts'

/** What the rules room needs. Everything it learns goes out through `onChanges`; a rejection there is tried again. */
export interface RulesDependencies {
  readonly store: Pick<Store, 'select' | 'group' | 'columns' | 'accept' | 'hold'>
  readonly states: RuleStateStore
  readonly clock: Pick<Clock, 'now' | 'every'>
  readonly counters: Counters
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>
  readonly groups: readonly RuleGroup[]
  readonly defaultIntervalMs: number
  readonly externalLabels: Labels
  /** The console's address, for links in texts; '' when not set. */
  readonly externalUrl: string
  /** Takes what changed, before it is saved as told: after a crash in between it is told again. */
  onChanges(changes: readonly AlertChange[]): Promise<void>
}

/** The running rules. */
export interface Rules {
  /** Asks for an evaluation, within a fifth of a second, of the rules that name one of these metrics. */
  evaluateNow(metricNames: Iterable<string>): void
  /** Puts other groups in the place of the running ones at the next tick; rules that are in both keep their alerts. */
  replace(groups: readonly RuleGroup[]): void
  /** Every alert there is: pending, firing, and resolved ones while they are kept. */
  alerts(): readonly Alert[]
  status(): readonly RuleGroupStatus[]
  /** Waits for what is running, then stops for good. */
  stop(): Promise<void>
}

/** How often the schedule is looked at; also the longest an `evaluateNow` waits for others to join it. */
const tickMs = 200

/** What the rules of one pass (`shared`: of one group in it) have in common. */
interface PassState {
  readonly over: Overlay
  readonly shared: GroupResults
  readonly search: SearchBudget
  readonly turns: Turns
}

/** What one evaluation gave to write. */
interface Result {
  readonly group: RunningGroup
  readonly running: RunningRule
  readonly row: RuleRow
}

/** Restores the alerts' states and starts the schedule. Rejects when the states cannot be loaded. */
export async function startRules(deps: RulesDependencies): Promise<Rules> {
  const { clock, counters, log, store } = deps
  const epoch = `rules-${randomUUID()}`
  let seq = 0
  let groups = deps.groups.map((group) => startGroup(group, deps.defaultIntervalMs))
  let slots: readonly Slot[] = groups.map((group) => slotFor(group, clock.now()))
  let named = new Set<string>()
  const loaded = await deps.states.load()
  const ledger = ledgerOf(loaded)
  let outgoing: readonly AlertChange[] = restoreAll(groups, loaded, store, clock.now())
  let dirty = true
  let replacement: readonly RuleGroup[] | undefined

  function collectDue(now: number): readonly Due[] {
    const due: Due[] = []
    for (const { missed, ...one } of takeDue(slots, now)) {
      if (missed > 0) counters.add('zhishou_rule_group_iterations_missed_total', { rule_group: one.group.id }, missed)
      due.push(one)
    }
    if (named.size === 0) return due
    let waiting = false
    for (const group of groups) {
      const found = namedRules(group, named, now)
      waiting ||= found.waiting
      if (found.due.length > 0) due.push({ group, rules: found.due, at: now, whole: false })
    }
    if (!waiting) named = new Set()
    return due
  }

  async function pass(due: readonly Due[]): Promise<void> {
    const over = overlay(store)
    const search = searchBudget()
    const turns = takeTurns()
    const results: Result[] = []
    for (const { group, rules, at, whole } of due) {
      let seconds = 0
      const shared = groupResults(group.parts)
      for (const running of rules) {
        // A rule that fresh data has asked for may already have been judged later than the group's nominal time.
        if (running.lastAt !== undefined && running.lastAt >= at) continue
        const outcome = await evaluateOne(group, running, { over, shared, search, turns }, at)
        outgoing = [...outgoing, ...outcome.changes]
        dirty = true
        if (outcome.row !== undefined) results.push({ group, running, row: outcome.row })
        seconds += running.seconds
        await turns.yieldIfDue()
      }
      if (!whole) continue
      group.lastAt = at
      group.seconds = seconds
      counters.set('zhishou_rule_evaluation_seconds', seconds, { rule_group: group.id })
    }
    await write(results, turns)
  }

  async function evaluateOne(group: RunningGroup, running: RunningRule, { over, shared, search, turns }: PassState, at: number): Promise<RuleOutcome> {
    const failedBefore = running.lastError
    const outcome = await turns.run(runRule(group, running, over, {
      now: at, externalLabels: deps.externalLabels, externalUrl: deps.externalUrl, seconds: turns.seconds, shared, search,
      onTemplateFailure: () => counters.add('zhishou_rule_template_failures_total', { rule_group: group.id }),
    }), () => store.hold?.())
    counters.add('zhishou_rule_evaluations_total', { rule_group: group.id })
    if (running.lastError !== undefined) {
      counters.add('zhishou_rule_evaluation_failures_total', { rule_group: group.id })
      if (running.lastError !== failedBefore) log.warn('rule failed', { group: group.id, rule: running.rule.name, at: running.rule.place, error: running.lastError })
    }
    return outcome
  }

  /** One store group per rule: rules are also evaluated one by one, and a row says of every column what it is at that time. */
  function storeRow({ group, running, row }: Result): StoreRow {
    const storeGroup = store.group('collector', `rules:${group.id}:${running.rule.key}`)
    const known = running.columns
    const same = known !== undefined && known.labels.length === row.series.length && row.series.every(({ labels }, index) => labels === known.labels[index])
    const labels = row.series.map((one) => one.labels)
    const columns = same ? known.columns : store.columns(storeGroup, labels)
    running.columns = { labels, columns }
    return { group: storeGroup, at: row.at, columns, values: Float64Array.from(row.series, ({ value }) => value) }
  }

  /** One batch of all rows: they become readable, and durable, together. */
  async function write(results: readonly Result[], turns: Turns): Promise<void> {
    if (results.length === 0) return
    try {
      const rows: StoreRow[] = []
      for (const result of results) {
        rows.push(storeRow(result))
        await turns.yieldIfDue()
      }
      await store.accept({ stream: 'collector', epoch, seq: ++seq, rows, events: [], facts: [], checks: [] })
    } catch (error) {
      // Alerts go on without their series: a full disk must not silence them.
      counters.add('zhishou_rule_writes_failed_total')
      log.error('rules: results were not stored', { error })
    }
  }

  /** Tells, then saves: whatever a crash leaves in between is told again, never lost. */
  async function settle(now: number): Promise<void> {
    if (outgoing.length > 0) {
      const batch = outgoing
      try {
        await deps.onChanges(batch)
      } catch (error) {
        counters.add('zhishou_rule_deliveries_failed_total')
        log.error('rules: alert changes were not taken', { changes: batch.length, error })
        return
      }
      outgoing = outgoing.slice(batch.length)
    }
    if (!dirty) return
    const differences = await takeTurns().run(ledger.differences(groups, now))
    try {
      await deps.states.save(differences)
      ledger.saved(differences)
      dirty = false
    } catch (error) {
      counters.add('zhishou_rule_state_saves_failed_total')
      log.error('rules: alert states were not saved', { error })
    }
  }

  /** Between two passes, so that no evaluation runs on groups that are already replaced. */
  function applyReplacement(next: readonly RuleGroup[], now: number): void {
    const fresh = next.map((group) => startGroup(group, deps.defaultIntervalMs))
    outgoing = [...outgoing, ...handOver(groups, fresh, now)]
    groups = fresh
    slots = fresh.map((group) => slotFor(group, now))
    dirty = true
    log.info('rules: loaded', { groups: fresh.length, rules: fresh.reduce((sum, group) => sum + group.rules.length, 0) })
  }

  async function tick(): Promise<void> {
    if (replacement !== undefined) {
      const next = replacement
      replacement = undefined
      applyReplacement(next, clock.now())
    }
    const due = collectDue(clock.now())
    if (due.length > 0) await pass(due)
    if (outgoing.length > 0 || dirty) await settle(clock.now())
    if (due.length > 0) countAlerts()
  }

  function countAlerts(): void {
    const counts = { pending: 0, firing: 0, resolved: 0 }
    for (const group of groups) for (const { states } of group.rules) for (const { phase } of states.values()) counts[phase.state]++
    for (const [state, count] of Object.entries(counts)) counters.set('zhishou_rule_alerts', count, { state })
  }

  let running: Promise<void> = Promise.resolve()
  const cancel = clock.every(tickMs, 'rules', () => {
    running = tick()
    return running
  })

  return {
    evaluateNow(metricNames) {
      for (const name of metricNames) named.add(name)
    },
    replace(next) {
      replacement = next
    },
    alerts: () => groups.flatMap(alertsOf),
    status: () => groups.map(groupStatus),
    async stop() {
      cancel()
      await running.catch((error: unknown) => log.error('rules: last evaluation failed', { error }))
    },
  }
}
