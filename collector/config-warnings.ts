/**
 * What the files allow and nobody wants: people who cannot be reached, gaps, years that are missing. Each is one sentence
 * that begins with the file it is about. Pure; `now` is epoch ms.
 */
import type { ReadAlertFiles } from './alert-files.ts'
import { OFFICE_ZONE } from './clock.ts'
import type { ReadSettings } from './config.ts'
import type { DutyFile, Person } from './duty/duty-file.ts'
import type { EscalationPolicy } from './duty/escalation-file.ts'
import { gaps } from './duty/gaps.ts'
import { DAY_MS, localDay, yearOf } from './duty/local-time.ts'
import { gapText } from './duty/wording.ts'
import { addressOf } from './notify/channel-settings.ts'
import { addressOn } from './notify/deliver.ts'
import { waysTo } from './notify/escalate.ts'
import type { ChannelKinds } from './notify/escalate.ts'
import type { Integration } from './notify/receiver.ts'
import type { Route } from './notify/route.ts'

/** How far ahead gaps of the rota are looked for. */
export const GAPS_AHEAD_MS = 14 * DAY_MS
/** How far ahead a calendar year must be there: the notice for the next one comes in November. */
export const CALENDAR_AHEAD_MS = 60 * DAY_MS

/** All warnings, in the order of the files. */
export function configWarnings(read: ReadSettings, { parts }: ReadAlertFiles, now: number): readonly string[] {
  const { duty, routes, topology, missing } = parts
  const kinds: ChannelKinds = new Map(Object.entries(read.settings.notify.channels).map(([name, { kind }]) => [name, kind]))
  const { alertmanagers, routesFile } = read.settings.notify
  // An outside Alertmanager tells people in our place, unless the site has routes of its own.
  const told = alertmanagers.length === 0 || routesFile !== undefined
  // Whom a faulty channel would reach is not known; the fault itself is told.
  const sound = [...read.channels].every((name) => kinds.has(name))
  return [
    ...budgets(read),
    ...(told ? (missing ?? []) : []).map((text) => `routes.yml (the shipped one): receivers: ${text}`),
    ...(!told || routes === undefined || duty.file === undefined ? [] : receivers(routes.route, routes.receivers, duty.file, kinds)),
    ...(!sound || duty.file === undefined || duty.policies === undefined ? [] : unreached(duty.file, duty.policies, kinds)),
    ...calendarYears(duty.calendar.years, now),
    ...(duty.file === undefined || duty.wording === undefined ? [] : rota(duty.file, duty.calendar, duty.wording, now)),
    ...(topology === undefined || read.settings.topologyFile === undefined ? [] : services(topology)),
  ]
}

/** A budget is for a contract year, which seldom begins in January: the default would be a guess. */
function budgets({ settings, channelKeys }: ReadSettings): readonly string[] {
  return Object.entries(settings.notify.channels).flatMap(([name, channel]) => {
    if (!('yearlyBudget' in channel) || channel.yearlyBudget === undefined || channelKeys(name).includes('yearFrom')) return []
    return [`collector.yml: notify.channels.${name}: yearlyBudget without yearFrom: the budget's year is taken to begin on ${channel.yearFrom}`]
  })
}

/** Receivers that the tree uses and that lead to nobody, whoever is on duty. */
function receivers(root: Route, all: ReadonlyMap<string, { readonly name: string; readonly integrations: readonly Integration[] }>, duty: DutyFile, kinds: ChannelKinds): readonly string[] {
  const used = new Set<string>()
  const walk = (route: Route): void => {
    used.add(route.receiver)
    route.routes.forEach(walk)
  }
  walk(root)
  return [...all.values()].flatMap(({ name, integrations }) => {
    // A channel that is not there is told by itself.
    if (integrations.some((one) => one.kind === 'channel' && !kinds.has(one.channel))) return []
    if (!used.has(name)) return []
    return integrations.some((one) => leadsSomewhere(one, duty, kinds)) ? [] : [`routes.yml: receivers: nobody can be reached by receiver ${JSON.stringify(name)}`]
  })
}

function leadsSomewhere(one: Integration, duty: DutyFile, kinds: ChannelKinds): boolean {
  if (one.kind === 'webhook' || one.addresses.length > 0) return true
  const kind = kinds.get(one.channel)
  if (kind === undefined) return false
  if (addressOf[kind] === 'none') return true
  const people = [...one.people.flatMap((id) => duty.people.get(id) ?? []), ...(one.roster === undefined ? [] : peopleOf(duty, one.roster))]
  return people.some((person) => addressOn(kind, person) !== undefined)
}

/** Everybody that a role or roster can mean, on any day. */
function peopleOf(duty: DutyFile, name: string): readonly Person[] {
  const role = duty.roles.get(name)
  if (role !== undefined && role.rosters.length === 0) return [...duty.people.values()].filter((person) => person.roles.includes(name))
  const ids = (role?.rosters ?? [name]).flatMap((roster) => duty.rosters.get(roster)?.shifts.flatMap((shift) => shift.rotation.turns.flat()) ?? [])
  return [...new Set(ids)].flatMap((id) => duty.people.get(id) ?? [])
}

/** People whom an escalation means and who have no address on any channel that it uses. */
function unreached(duty: DutyFile, policies: readonly EscalationPolicy[], kinds: ChannelKinds): readonly string[] {
  if (kinds.size === 0) return ['escalation.yml: no channel is set up in collector.yml: nobody is told when a clock runs out']
  const found = new Map<string, Set<string>>()
  for (const step of policies.flatMap((policy) => policy.steps)) {
    // Only what the step names: that somebody would be told by another way in its place is worth a warning too.
    const meant = step.channels.length === 0 ? kinds : new Map([...kinds].filter(([name]) => step.channels.includes(name)))
    for (const role of step.to) {
      const names = duty.roles.get(role)?.rosters ?? []
      for (const name of names.length === 0 ? [role] : names) {
        for (const person of peopleOf(duty, name)) {
          if (waysTo([{ person, as: name }], { channels: step.channels, everyWay: step.channels.length === 0 }, meant).length > 0) continue
          const channels = step.channels.length === 0 ? [...kinds.keys()] : step.channels
          const key = `${duty.rosters.has(name) ? 'roster' : 'role'} ${JSON.stringify(name)}: no address on ${channels.join(' or ')}, which its escalation uses`
          found.set(key, (found.get(key) ?? new Set()).add(person.id))
        }
      }
    }
  }
  return [...found].map(([text, ids]) => `duty.yml: ${text}: ${[...ids].join(', ')}`)
}

function calendarYears(years: ReadonlyMap<number, unknown>, now: number): readonly string[] {
  const first = yearOf(localDay(OFFICE_ZONE, now))
  const last = yearOf(localDay(OFFICE_ZONE, now + CALENDAR_AHEAD_MS))
  return Array.from({ length: last - first + 1 }, (_, index) => first + index).filter((year) => !years.has(year)).map((year) => `calendar: ${year} is missing; put ${year}.yml into the folder duty.calendarFolder`)
}

/** As the files have it: swaps and absences that people entered are in the console. */
function rota(file: DutyFile, calendar: Parameters<typeof gaps>[0]['calendar'], wording: Parameters<typeof gapText>[0], now: number): readonly string[] {
  const plan = { file, calendar, overrides: [], zone: OFFICE_ZONE }
  return gaps(plan, { from: now, to: now + GAPS_AHEAD_MS }).map((gap) => `duty.yml: ${gapText(wording, plan, gap)}`)
}

function services({ services: known }: { readonly services: readonly { readonly id: string; readonly members: readonly string[] }[] }): readonly string[] {
  return known.filter((one) => one.members.length === 0).map((one) => `topology.yml: services: ${one.id} has no members: no host's fault is ever counted to it`)
}
