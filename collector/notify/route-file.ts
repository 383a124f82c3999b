/**
 * alerts/routes.yml: Alertmanager's file with our receivers. Strict: all mistakes of a file together, each with its
 * place and key path, an unknown key with the nearest known one; a key of Alertmanager's that is not carried out here
 * is a mistake too, never silence. Source: alertmanager 0.25 `config/config.go`.
 */
import { parseDuration } from '../promql/numbers.ts'
import { isLabelName, mistakeText } from '../rules/rule.ts'
import type { Mistake } from '../rules/rule.ts'
import { complain, readEntries, readList, readMap, readText, readYaml } from '../rules/strict-yaml.ts'
import type { Spot } from '../rules/strict-yaml.ts'
import type { InhibitRule } from './inhibit.ts'
import { MatcherError, labelMatcher, parseMatchers } from './matcher.ts'
import type { LabelMatcher } from './matcher.ts'
import { readFlag, readReceiver } from './receiver.ts'
import type { RouteReceiver } from './receiver.ts'
import { routeTree } from './route.ts'
import type { Route, RouteNode } from './route.ts'
import { readTimeInterval } from './time-interval-file.ts'
import type { TimeInterval } from './time-interval.ts'

/** A routes file, checked. */
export interface RouteFile {
  readonly resolveTimeoutMs: number
  readonly route: Route
  readonly inhibitRules: readonly InhibitRule[]
  readonly timeIntervals: ReadonlyMap<string, readonly TimeInterval[]>
  readonly receivers: ReadonlyMap<string, RouteReceiver>
  /** The text it was read from. */
  readonly text: string
}

export type ParsedRouteFile = { readonly kind: 'ok'; readonly file: RouteFile } | { readonly kind: 'mistakes'; readonly mistakes: readonly Mistake[] }

type Fields = ReadonlyMap<string, Spot>

/** Keys of a routes file, for docs/alert-files.md. */
export const topKeys = ['global', 'route', 'inhibit_rules', 'time_intervals', 'mute_time_intervals', 'receivers', 'templates']
/** Keys of a route. */
export const routeKeys = ['receiver', 'group_by', 'match', 'match_re', 'matchers', 'mute_time_intervals', 'active_time_intervals', 'continue', 'routes', 'group_wait', 'group_interval', 'repeat_interval']
/** Keys of an inhibit rule. */
export const inhibitKeys = ['source_match', 'source_match_re', 'source_matchers', 'target_match', 'target_match_re', 'target_matchers', 'equal']
/** Alertmanager's other globals, so that a file brought along gets a clear answer instead of a guess at a typing error. */
const otherGlobals = /^(smtp_\w+|slack_api_url(_file)?|pagerduty_url|opsgenie_\w+|wechat_\w+|victorops_\w+|telegram_api_url|webex_api_url|http_config)$/

/** Parses a routes file. `name` is what places begin with. */
export function parseRouteFile(name: string, text: string): ParsedRouteFile {
  const { reader, root } = readYaml(name, text)
  if (reader.mistakes.length > 0) return { kind: 'mistakes', mistakes: reader.mistakes }
  const fields = readMap(root, topKeys)
  const templates = fields.get('templates')
  if (templates !== undefined && readList(templates).length > 0) complain(templates, 'templates are not carried out here; messages are worded in alerts/templates')
  const resolveTimeoutMs = readGlobal(fields.get('global'))
  const timeIntervals = new Map<string, readonly TimeInterval[]>()
  readIntervals(fields.get('time_intervals'), timeIntervals)
  readIntervals(fields.get('mute_time_intervals'), timeIntervals)
  const receivers = readReceivers(fields.get('receivers'))
  const routeAt = fields.get('route')
  const node = routeAt === undefined ? undefined : readRoute(routeAt, { root: true, receivers, timeIntervals })
  if (routeAt === undefined) complain(root, 'no route provided')
  const inhibitAt = fields.get('inhibit_rules')
  const inhibitRules = inhibitAt === undefined ? [] : readList(inhibitAt).map(readInhibitRule)
  if (node === undefined || reader.mistakes.length > 0) return { kind: 'mistakes', mistakes: reader.mistakes }
  return { kind: 'ok', file: { resolveTimeoutMs, route: routeTree(node), inhibitRules, timeIntervals, receivers, text } }
}

/** The file, or an Error that lists every mistake, one a line. */
export function routeFileOrThrow(name: string, text: string): RouteFile {
  const parsed = parseRouteFile(name, text)
  if (parsed.kind === 'mistakes') throw new Error(parsed.mistakes.map(mistakeText).join('\n'))
  return parsed.file
}

function readGlobal(spot: Spot | undefined): number {
  const fallback = 300_000
  if (spot === undefined) return fallback
  const entries = readEntries(spot)
  const known: string[] = ['resolve_timeout']
  for (const [name, at] of entries) {
    if (!otherGlobals.test(name)) continue
    known.push(name)
    complain({ ...at, node: undefined }, `${name} is not carried out here; channels are set up in collector.yml`)
  }
  return durationOf(readMap(spot, known), 'resolve_timeout') ?? fallback
}

function readIntervals(spot: Spot | undefined, into: Map<string, readonly TimeInterval[]>): void {
  if (spot === undefined) return
  for (const at of readList(spot)) {
    const fields = readMap(at, ['name', 'time_intervals'])
    const name = textOf(fields, 'name')
    if (name === '') complain(fields.get('name') ?? at, 'missing name in time interval')
    else if (into.has(name)) complain(fields.get('name') ?? at, `time interval ${JSON.stringify(name)} is not unique`)
    const list = fields.get('time_intervals')
    into.set(name, list === undefined ? [] : readList(list).map(readTimeInterval))
  }
}

function readReceivers(spot: Spot | undefined): ReadonlyMap<string, RouteReceiver> {
  const receivers = new Map<string, RouteReceiver>()
  for (const at of spot === undefined ? [] : readList(spot)) {
    const receiver = readReceiver(at)
    if (receiver.name !== '' && receivers.has(receiver.name)) complain(at, `receiver ${JSON.stringify(receiver.name)} is not unique`)
    receivers.set(receiver.name, receiver)
  }
  return receivers
}

interface Known {
  readonly root: boolean
  readonly receivers: ReadonlyMap<string, RouteReceiver>
  readonly timeIntervals: ReadonlyMap<string, readonly TimeInterval[]>
}

function readRoute(spot: Spot, known: Known): RouteNode {
  const fields = readMap(spot, routeKeys)
  const matchers = [...readEqual(fields.get('match')), ...readRegex(fields.get('match_re')), ...readMatchers(fields.get('matchers'))]
  const receiver = textOf(fields, 'receiver')
  if (receiver !== '' && !known.receivers.has(receiver)) complain(fields.get('receiver') ?? spot, `undefined receiver ${JSON.stringify(receiver)} used in route`)
  const muteTimeIntervals = intervalNames(fields.get('mute_time_intervals'), known)
  const activeTimeIntervals = intervalNames(fields.get('active_time_intervals'), known)
  const goesOn = readFlag(fields.get('continue'), false)
  if (known.root) {
    if (receiver === '') complain(fields.get('receiver') ?? spot, 'root route must specify a default receiver')
    if (matchers.length > 0) complain(spot, 'root route must not have any matchers')
    if (muteTimeIntervals.length > 0) complain(fields.get('mute_time_intervals') ?? spot, 'root route must not have any mute time intervals')
    if (activeTimeIntervals.length > 0) complain(fields.get('active_time_intervals') ?? spot, 'root route must not have any active time intervals')
    if (goesOn) complain(fields.get('continue') ?? spot, 'cannot have continue in root route')
  }
  const routesAt = fields.get('routes')
  return {
    matchers,
    continue: goesOn,
    receiver: receiver === '' ? undefined : receiver,
    groupBy: readGroupBy(fields.get('group_by')),
    groupWaitMs: durationOf(fields, 'group_wait'),
    groupIntervalMs: positiveDurationOf(fields, 'group_interval'),
    repeatIntervalMs: positiveDurationOf(fields, 'repeat_interval'),
    muteTimeIntervals,
    activeTimeIntervals,
    routes: routesAt === undefined ? [] : readList(routesAt).map((at) => readRoute(at, { ...known, root: false })),
  }
}

function intervalNames(spot: Spot | undefined, known: Known): readonly string[] {
  if (spot === undefined) return []
  return readList(spot).flatMap((at) => {
    const name = readText(at)
    if (name !== undefined && !known.timeIntervals.has(name)) complain(at, `undefined time interval ${JSON.stringify(name)} used in route`)
    return name ?? []
  })
}

function readGroupBy(spot: Spot | undefined): RouteNode['groupBy'] {
  if (spot === undefined) return undefined
  const names: string[] = []
  let all = false
  for (const at of readList(spot)) {
    const name = readText(at)
    if (name === undefined) continue
    if (name === '...') all = true
    else if (!isLabelName(name)) complain(at, `invalid label name ${JSON.stringify(name)} in group_by list`)
    else if (names.includes(name)) complain(at, `duplicated label ${JSON.stringify(name)} in group_by`)
    else names.push(name)
  }
  if (all && names.length > 0) complain(spot, 'cannot have wildcard group_by (`...`) and other labels at the same time')
  return all ? 'all' : names
}

function readInhibitRule(spot: Spot): InhibitRule {
  const fields = readMap(spot, inhibitKeys)
  const side = (name: string): readonly LabelMatcher[] => [...readEqual(fields.get(`${name}_match`)), ...readRegex(fields.get(`${name}_match_re`)), ...readMatchers(fields.get(`${name}_matchers`))]
  const equalAt = fields.get('equal')
  const equal = equalAt === undefined ? [] : readList(equalAt).flatMap((at) => {
    const name = readText(at)
    if (name !== undefined && !isLabelName(name)) complain(at, `invalid label name ${JSON.stringify(name)} in equal list`)
    return name ?? []
  })
  return { source: side('source'), target: side('target'), equal: [...new Set(equal)] }
}

function readEqual(spot: Spot | undefined): readonly LabelMatcher[] {
  return labelTexts(spot).map(([name, , value]) => labelMatcher(name, '=', value))
}

/** Alertmanager prints these anchored, so group keys hold `a=~"^(?:b)$"`. */
function readRegex(spot: Spot | undefined): readonly LabelMatcher[] {
  return labelTexts(spot).flatMap(([name, at, value]) => tried(at, () => [labelMatcher(name, '=~', `^(?:${value})$`)]))
}

function labelTexts(spot: Spot | undefined): readonly (readonly [string, Spot, string])[] {
  if (spot === undefined) return []
  return [...readEntries(spot)].flatMap(([name, at]) => {
    if (!isLabelName(name)) complain({ ...at, node: undefined }, `invalid label name ${JSON.stringify(name)}`)
    const text = readText(at)
    return text === undefined ? [] : [[name, at, text] as const]
  })
}

function readMatchers(spot: Spot | undefined): readonly LabelMatcher[] {
  if (spot === undefined) return []
  return readList(spot).flatMap((at) => {
    const text = readText(at)
    return text === undefined ? [] : tried(at, () => parseMatchers(text))
  })
}

function tried(spot: Spot, read: () => readonly LabelMatcher[]): readonly LabelMatcher[] {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error
    complain(spot, error.message)
    return []
  }
}

function textOf(fields: Fields, name: string): string {
  const spot = fields.get(name)
  return spot === undefined ? '' : (readText(spot) ?? '')
}

function durationOf(fields: Fields, name: string): number | undefined {
  const spot = fields.get(name)
  const text = spot === undefined ? '' : (readText(spot) ?? '')
  if (spot === undefined || text === '') return undefined
  const ms = parseDuration(text)
  if (typeof ms === 'number') return ms
  complain(spot, ms)
  return undefined
}

function positiveDurationOf(fields: Fields, name: string): number | undefined {
  const ms = durationOf(fields, name)
  const spot = fields.get(name)
  if (ms === 0 && spot !== undefined) complain(spot, `${name} cannot be zero`)
  return ms
}
