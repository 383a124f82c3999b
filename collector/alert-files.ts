/**
 * Every file that alerting reads beside collector.yml, in one go: the shipped ones under alerts/, and the site's own in
 * their place where the settings name them. All mistakes of all files are told together, each with its file and key path.
 */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { SettingsError } from '../protocol/settings.ts'
import type { CollectorSettings } from './config.ts'
import { parseTopology } from './correlate/topology-file.ts'
import { emptyTopology } from './correlate/topology.ts'
import type { Topology } from './correlate/topology.ts'
import { loadDuty } from './duty/load.ts'
import type { DutyFiles } from './duty/load.ts'
import { parseSlaProfiles } from './incidents/profile.ts'
import type { SlaProfiles } from './incidents/profile.ts'
import { parseWording } from './incidents/wording.ts'
import type { Wording } from './incidents/wording.ts'
import { missingTargets } from './notify/receiver.ts'
import { parseRouteFile } from './notify/route-file.ts'
import type { RouteFile } from './notify/route-file.ts'
import { wrongTargets } from './notify/target-check.ts'
import { mistakeText } from './rules/rule.ts'
import { parseExposureTerms } from './service/terms.ts'
import type { ExposureTerms } from './service/terms.ts'
import { parseServiceWording } from './service/wording.ts'
import type { ServiceWording } from './service/wording.ts'

/** All of them, parsed. */
export interface AlertFiles {
  readonly routes: RouteFile
  /** Where the site has given none, nothing hides anything. */
  readonly topology: Topology
  readonly duty: DutyFiles
  readonly profiles: SlaProfiles
  readonly wording: Wording
  readonly serviceWording: ServiceWording
  /** undefined: the site has not given its terms. */
  readonly terms: ExposureTerms | undefined
  /** What the shipped routes name and this site does not have (yet): for the overview, no mistake. */
  readonly missing: readonly string[]
}

const shippedFolder = join(import.meta.dirname, '..', 'alerts')

/** Reads and checks all of them. Throws SettingsError with every mistake of every file. */
export function checkAlertFiles(settings: CollectorSettings): AlertFiles {
  const mistakes: string[] = []
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      mistakes.push(...error.mistakes)
      return undefined
    }
  }
  /** The site's file by the path that the settings give it, else the shipped one under its name in this repository. */
  const parsed = <T>(own: string | undefined, key: string, shipped: string, parse: (text: string, file: string) => T): T | undefined =>
    attempt(() => (own === undefined ? parse(read(join(shippedFolder, shipped), ''), `alerts/${shipped}`) : parse(read(own, key), own)))

  const channels = Object.keys(settings.notify.channels)
  const routes = parsed(settings.notify.routesFile, 'notify.routesFile', 'routes.yml', parseRoutes)
  const topology = settings.topologyFile === undefined ? emptyTopology : parsed(settings.topologyFile, 'topologyFile', 'topology.yml', parseTopology)
  const duty = attempt(() => loadDuty({ alerts: shippedFolder, dutyFile: settings.duty.file, escalationFile: settings.duty.escalationFile, calendarFolder: settings.duty.calendarFolder, channels }))
  const { calendarFolder } = settings.duty
  if (calendarFolder !== undefined && statSync(calendarFolder, { throwIfNoEntry: false })?.isDirectory() !== true) mistakes.push(`duty.calendarFolder: expected a folder that exists, got ${JSON.stringify(calendarFolder)}`)
  const profiles = parsed(settings.slaFile, 'slaFile', 'sla.yml', parseSlaProfiles)
  const wording = parsed(undefined, '', 'templates/zh-CN.yml', parseWording)
  const serviceWording = parsed(undefined, '', 'templates/service.zh-CN.yml', parseServiceWording)
  const { termsFile } = settings.service
  const terms = termsFile === undefined ? undefined : attempt(() => parseExposureTerms(read(termsFile, 'service.termsFile'), termsFile))

  const found = routes === undefined || duty === undefined ? [] : unreachable(routes, duty, settings)
  const { routesFile } = settings.notify
  if (routesFile !== undefined) mistakes.push(...found.map((text) => `${routesFile}: receivers: ${text}`))
  if (mistakes.length > 0 || routes === undefined || topology === undefined || duty === undefined || profiles === undefined || wording === undefined || serviceWording === undefined) throw new SettingsError(mistakes)
  return { routes, topology, duty, profiles, wording, serviceWording, terms, missing: routesFile === undefined ? found : [] }
}

/** What the routes name and collector.yml and duty.yml do not have, or not so that it can be reached. */
function unreachable(routes: RouteFile, duty: DutyFiles, { notify }: CollectorSettings): readonly string[] {
  const { roles, rosters, people } = duty.file
  const receivers = [...routes.receivers.values()]
  const kindOf = (name: string) => (Object.hasOwn(notify.channels, name) ? notify.channels[name]?.kind : undefined)
  return [
    // A role is reached as its rosters are.
    ...missingTargets(receivers, { channels: new Set(Object.keys(notify.channels)), rosters: new Set([...roles.keys(), ...rosters.keys()]), people: new Set(people.keys()) }),
    ...wrongTargets(receivers, kindOf),
  ]
}

function parseRoutes(text: string, file: string): RouteFile {
  const outcome = parseRouteFile(file, text)
  if (outcome.kind === 'mistakes') throw new SettingsError(outcome.mistakes.map(mistakeText))
  return outcome.file
}

/** A file's text; `key` is the setting that names it. */
function read(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new SettingsError([`${key === '' ? '' : `${key}: `}${path}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`])
  }
}
