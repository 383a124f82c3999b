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
import type { DutyFile } from './duty/duty-file.ts'
import { dutyPaths, readDuty } from './duty/load.ts'
import type { DutyFiles, DutyPlaces, ReadDuty } from './duty/load.ts'
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

/** Which of the files; `calendar` is all years, `templates` every catalogue of sentences. */
export const alertFileNames = ['routes', 'topology', 'duty', 'escalation', 'calendar', 'sla', 'exposure', 'templates'] as const
/** Which of the files. */
export type AlertFileName = (typeof alertFileNames)[number]

/** What is wrong with one file. */
export interface AlertFileFault {
  readonly file: AlertFileName
  readonly mistakes: readonly string[]
}

/** Files as far as they could be read; what could not is undefined. */
export interface ReadAlertFiles {
  readonly parts: { readonly [K in Exclude<keyof AlertFiles, 'duty'>]: AlertFiles[K] | undefined } & { readonly duty: ReadDuty }
  readonly faults: readonly AlertFileFault[]
}

/** Reads and checks all of them. Throws SettingsError with every mistake of every file. */
export function checkAlertFiles(settings: CollectorSettings): AlertFiles {
  const { parts, faults } = readAlertFiles(settings)
  const whole = faults.length > 0 ? undefined : wholeOf(parts)
  if (whole === undefined) throw new SettingsError(faults.flatMap((fault) => fault.mistakes))
  return whole
}

/** All files, where none is wanting. */
export function wholeOf({ routes, topology, duty: read, profiles, wording, serviceWording, terms, missing }: ReadAlertFiles['parts']): AlertFiles | undefined {
  const { file, policies, wording: dutyWording, calendar } = read
  if (file === undefined || policies === undefined || dutyWording === undefined) return undefined
  if (routes === undefined || topology === undefined || profiles === undefined || wording === undefined || serviceWording === undefined) return undefined
  return { routes, topology, duty: { file, policies, wording: dutyWording, calendar }, profiles, wording, serviceWording, terms, missing: missing ?? [] }
}

/** As `checkAlertFiles`, with everything that can be said at once. `named`: further channels that naming is no mistake. */
export function readAlertFiles(settings: CollectorSettings, named: Iterable<string> = []): ReadAlertFiles {
  const faults: AlertFileFault[] = []
  const attempt = <T>(file: AlertFileName, work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      faults.push({ file, mistakes: error.mistakes })
      return undefined
    }
  }
  /** The site's file by the path that the settings give it, else the shipped one under its name in this repository. */
  const parsed = <T>(file: AlertFileName, own: string | undefined, key: string, shipped: string, parse: (text: string, file: string) => T): T | undefined =>
    attempt(file, () => (own === undefined ? parse(read(join(shippedFolder, shipped), ''), `alerts/${shipped}`) : parse(read(own, key), own)))

  const channels = new Set([...Object.keys(settings.notify.channels), ...named])
  const { routesFile } = settings.notify
  const routes = parsed('routes', routesFile, 'notify.routesFile', 'routes.yml', parseRoutes)
  const topology = settings.topologyFile === undefined ? emptyTopology : parsed('topology', settings.topologyFile, 'topologyFile', 'topology.yml', parseTopology)
  const duty = readDuty(dutyPlaces(settings, [...channels]))
  faults.push(...duty.faults)
  const { calendarFolder } = settings.duty
  if (calendarFolder !== undefined && statSync(calendarFolder, { throwIfNoEntry: false })?.isDirectory() !== true) faults.push({ file: 'calendar', mistakes: [`duty.calendarFolder: expected a folder that exists, got ${JSON.stringify(calendarFolder)}`] })
  const profiles = parsed('sla', settings.slaFile, 'slaFile', 'sla.yml', parseSlaProfiles)
  const wording = parsed('templates', undefined, '', 'templates/zh-CN.yml', parseWording)
  const serviceWording = parsed('templates', undefined, '', 'templates/service.zh-CN.yml', parseServiceWording)
  const { termsFile } = settings.service
  const terms = termsFile === undefined ? undefined : attempt('exposure', () => parseExposureTerms(read(termsFile, 'service.termsFile'), termsFile))

  const found = routes === undefined ? [] : unreachable(routes, duty.file, channels, settings)
  if (routesFile !== undefined && found.length > 0) faults.push({ file: 'routes', mistakes: found.map((text) => `${routesFile}: receivers: ${text}`) })
  return { parts: { routes, topology, duty, profiles, wording, serviceWording, terms, missing: routesFile === undefined ? found : [] }, faults }
}

/** Every file that the settings name or that is shipped, with what it is; a folder's files as they are now. */
export function alertFilePaths(settings: CollectorSettings): readonly { readonly file: AlertFileName; readonly path: string }[] {
  const shipped = (name: string): string => join(shippedFolder, name)
  return [
    { file: 'routes', path: settings.notify.routesFile ?? shipped('routes.yml') },
    ...(settings.topologyFile === undefined ? [] : [{ file: 'topology' as const, path: settings.topologyFile }]),
    ...dutyPaths(dutyPlaces(settings, [])),
    { file: 'sla', path: settings.slaFile ?? shipped('sla.yml') },
    ...(settings.service.termsFile === undefined ? [] : [{ file: 'exposure' as const, path: settings.service.termsFile }]),
    { file: 'templates', path: shipped('templates/zh-CN.yml') },
    { file: 'templates', path: shipped('templates/service.zh-CN.yml') },
  ]
}

function dutyPlaces({ duty }: CollectorSettings, channels: readonly string[]): DutyPlaces {
  return { alerts: shippedFolder, dutyFile: duty.file, escalationFile: duty.escalationFile, calendarFolder: duty.calendarFolder, channels }
}

/** What the routes name and collector.yml and duty.yml do not have, or not so that it can be reached. */
function unreachable(routes: RouteFile, duty: DutyFile | undefined, channels: ReadonlySet<string>, { notify }: CollectorSettings): readonly string[] {
  const receivers = [...routes.receivers.values()]
  const kindOf = (name: string) => (Object.hasOwn(notify.channels, name) ? notify.channels[name]?.kind : undefined)
  // People of a duty file that cannot be read are no mistake of the routes. A role is reached as its rosters are.
  const named = receivers.flatMap(({ integrations }) => integrations.flatMap((one) => (one.kind === 'channel' ? [one] : [])))
  const rosters = duty === undefined ? named.flatMap((one) => one.roster ?? []) : [...duty.roles.keys(), ...duty.rosters.keys()]
  const people = duty === undefined ? named.flatMap((one) => one.people) : duty.people.keys()
  return [...missingTargets(receivers, { channels, rosters: new Set(rosters), people: new Set(people) }), ...wrongTargets(receivers, kindOf)]
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
