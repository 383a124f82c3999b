/**
 * Generated configurations and what happens under them, the same for both sides.
 *
 * Times are chosen so that no answer depends on who is a few milliseconds faster: everything happens at whole seconds
 * after the start, groups flush at half seconds (waits of x.5 s, intervals of whole seconds), repeats fall due between
 * two flushes. One alert that is older than its group's wait, which is told at once, comes alone at three quarters.
 */
import { stringify } from 'yaml'

/** Numbers in [0, 1) from a seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export type Labels = Readonly<Record<string, string>>

/** What is done at `at` ms after the start. Times of alerts are ms relative to the moment of posting. */
export type Action =
  | { readonly at: number; readonly kind: 'alerts'; readonly alerts: readonly { readonly labels: Labels; readonly startsIn?: number; readonly endsIn?: number }[] }
  | { readonly at: number; readonly kind: 'silence'; readonly name: string; readonly matchers: readonly { readonly name: string; readonly value: string; readonly isRegex: boolean; readonly isEqual: boolean }[]; readonly endsIn: number; readonly changes?: string }
  | { readonly at: number; readonly kind: 'expire'; readonly name: string }

export interface Scenario {
  readonly name: string
  readonly config: string
  readonly actions: readonly Action[]
}

export const SECONDS = 12

type Pick = <T>(list: readonly T[]) => T

/** One scenario; webhooks go to `HOOKS/NAME/RECEIVER/INDEX`. */
export function scenario(seed: number, hooks: string): Scenario {
  const next = random(seed)
  const pick: Pick = (list) => list[Math.floor(next() * list.length)]!
  const chance = (share: number): boolean => next() < share
  const name = `s${seed}`
  return { name, config: configOf(pick, chance, `${hooks}/${name}`), actions: actionsOf(pick, chance) }
}

const intervals = (): object[] => {
  const day = new Intl.DateTimeFormat('en-US', { timeZone: 'Asia/Shanghai', weekday: 'long' }).format(Date.now()).toLowerCase()
  const year = new Date().getUTCFullYear()
  return [
    { name: 'always', time_intervals: [{ times: [{ start_time: '00:00', end_time: '24:00' }] }] },
    { name: 'never', time_intervals: [{ years: ['2000:2001'] }] },
    { name: 'this-weekday', time_intervals: [{ weekdays: [day], location: 'Asia/Shanghai' }, { months: ['january:december'], years: [`${year - 1}:${year + 1}`], days_of_month: ['1:-1'] }] },
    { name: 'empty', time_intervals: [] },
  ]
}

function configOf(pick: Pick, chance: (share: number) => boolean, hooks: string): string {
  const receivers = ['r0', 'r1', 'r2', 'r3'].map((receiver) => ({
    name: receiver,
    webhook_configs: Array.from({ length: chance(0.3) ? 2 : 1 }, (_, index) => ({ url: `${hooks}/${receiver}/${index}`, ...(chance(0.6) ? { send_resolved: chance(0.3) } : {}), ...(chance(0.2) ? { max_alerts: 2 } : {}) })),
  }))
  const timing = (): object => ({
    ...(chance(0.5) ? { group_wait: pick(['500ms', '1500ms', '2s500ms']) } : {}),
    ...(chance(0.4) ? { group_interval: pick(['2s', '3s']) } : {}),
    ...(chance(0.4) ? { repeat_interval: pick(['3500ms', '5500ms', '1h']) } : {}),
  })
  const groupBy = (): object => (chance(0.6) ? { group_by: pick([['alertname'], ['cluster'], ['cluster', 'alertname'], ['...'], ['severity', 'team'], [], ['nowhere']]) } : {})
  const routes = (depth: number): object[] =>
    Array.from({ length: pick(depth === 0 ? [1, 2, 3] : [0, 0, 1, 2]) }, () => ({
      ...matching(pick, chance),
      ...(chance(0.7) ? { receiver: pick(['r0', 'r1', 'r2', 'r3']) } : {}),
      ...(chance(0.35) ? { continue: true } : {}),
      ...timing(),
      ...groupBy(),
      ...(chance(0.1) ? { mute_time_intervals: [pick(['always', 'never', 'this-weekday', 'empty'])] } : {}),
      ...(chance(0.15) ? { active_time_intervals: pick([['always'], ['never'], ['never', 'this-weekday']]) } : {}),
      ...(depth < 2 ? { routes: routes(depth + 1) } : {}),
    }))
  const inhibitRules = Array.from({ length: pick([0, 0, 1, 2]) }, () =>
    pick([
      { source_matchers: ['severity="critical"'], target_matchers: ['severity=~"warning|info"'], equal: pick([['cluster'], ['cluster', 'team'], []]) },
      { source_match: { alertname: 'Up' }, target_match_re: { alertname: 'Up|Disk' }, equal: ['cluster'] },
      { source_matchers: ['severity!="info"'], target_matchers: ['team=""'], equal: ['alertname'] },
    ]),
  )
  return stringify({
    global: { resolve_timeout: pick(['3s', '5s', '1h']) },
    route: { receiver: 'r0', group_wait: pick(['500ms', '1500ms']), group_interval: pick(['2s', '3s']), repeat_interval: pick(['4500ms', '6500ms', '1h']), ...groupBy(), routes: routes(0) },
    inhibit_rules: inhibitRules,
    [pick(['time_intervals', 'mute_time_intervals'])]: intervals(),
    receivers,
  })
}

function matching(pick: Pick, chance: (share: number) => boolean): object {
  if (chance(0.25)) return { match: pick<Labels>([{ severity: 'critical' }, { cluster: 'x', alertname: 'Up' }, { team: '' }]) }
  if (chance(0.25)) return { match_re: pick<Labels>([{ severity: 'critical|warning' }, { alertname: 'D.*' }, { cluster: 'x|' }]) }
  if (chance(0.1)) return {}
  return { matchers: pick([['severity="critical"'], ['severity!="critical"', 'cluster=~"x|y"'], ['alertname=~"Up|Load"'], ['team!~"a.*"'], ['team=""'], ['{cluster="y",severity=~".*i.*"}'], ['note="say \\"hi\\", you"']]) }
}

const alertPool: readonly Labels[] = ['Up', 'Disk', 'Load'].flatMap((alertname) =>
  ['x', 'y'].flatMap((cluster) => [
    { alertname, cluster, severity: 'critical', team: 'alpha' },
    { alertname, cluster, severity: 'warning' },
    { alertname, severity: 'info', cluster, instance: `${cluster}-1`, job: 'node', ...(alertname === 'Disk' ? { note: 'say "hi", you', mount: '/数据\\' } : {}) },
  ]),
)

function actionsOf(pick: Pick, chance: (share: number) => boolean): readonly Action[] {
  const pool = Array.from(new Set(Array.from({ length: 16 }, () => pick(alertPool))))
  const actions: Action[] = []
  const silences: string[] = []
  const active = new Set<Labels>()
  for (let second = 0; second < SECONDS - 2; second++) {
    const at = second * 1000
    const alerts = pool.flatMap((labels) => {
      const roll = chance(second === 0 ? 0.7 : 0.25)
      if (!roll) return []
      if (active.has(labels) && chance(0.5)) {
        active.delete(labels)
        // Ended now, or just before; its start later than any group wait, or the group would be told at once.
        return [pick([{ labels, endsIn: 0 }, { labels, startsIn: -300, endsIn: 0 }, { labels, startsIn: -400, endsIn: -200 }])]
      }
      active.add(labels)
      return [pick([{ labels }, { labels, endsIn: 3_600_000 }, { labels, startsIn: 0, endsIn: 3_600_000 }, { labels, endsIn: 3_000 }, { labels, startsIn: 0, endsIn: 5_000 }])]
    })
    if (alerts.length > 0) actions.push({ at, kind: 'alerts', alerts })
    if (chance(0.12)) {
      const name = `silence-${second}`
      const matchers = pick([
        [{ name: 'cluster', value: pick(['x', 'y']), isRegex: false, isEqual: true }],
        [{ name: 'severity', value: 'crit.*|info', isRegex: true, isEqual: true }],
        [{ name: 'alertname', value: 'Up', isRegex: false, isEqual: false }, { name: 'cluster', value: 'x', isRegex: false, isEqual: true }],
        [{ name: 'alertname', value: 'Up|Disk', isRegex: true, isEqual: false }, { name: 'severity', value: 'warning', isRegex: false, isEqual: true }],
      ])
      const before = silences.at(-1)
      actions.push({ at, kind: 'silence', name, matchers, endsIn: pick([2_000, 4_000, 3_600_000]), ...(before !== undefined && chance(0.5) ? { changes: before } : {}) })
      silences.push(name)
    }
    const known = silences.at(-1)
    if (known !== undefined && chance(0.2)) actions.push({ at, kind: 'expire', name: known })
  }
  if (chance(0.5)) actions.push({ at: pick([1, 2, 3]) * 1000 + 750, kind: 'alerts', alerts: [{ labels: { alertname: 'Old', cluster: pick(['x', 'y']), severity: pick(['critical', 'info']) }, startsIn: -3_600_000, endsIn: 3_600_000 }] })
  return actions.sort((a, b) => a.at - b.at)
}
