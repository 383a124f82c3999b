/** Reads the room's files from disk: the shipped ones, and the site's in their place or beside them. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { SettingsError } from '../../protocol/settings.ts'
import { calendarOf, parseCalendarYear } from './calendar.ts'
import type { Calendar } from './calendar.ts'
import { parseDutyFile } from './duty-file.ts'
import type { DutyFile } from './duty-file.ts'
import { checkEscalationNames, parseEscalationFile } from './escalation-file.ts'
import type { EscalationPolicy } from './escalation-file.ts'
import { parseDutyWording } from './wording.ts'
import type { DutyWording } from './wording.ts'

/** Where the files are. `alerts` is the shipped folder. */
export interface DutyPlaces {
  readonly alerts: string
  /** In place of alerts/duty.yml. */
  readonly dutyFile?: string | undefined
  /** In place of alerts/escalation.yml. */
  readonly escalationFile?: string | undefined
  /** Further years, `2027.yml`; a year that is shipped too is taken from here. */
  readonly calendarFolder?: string | undefined
  /** Names of the channels that are set up; given, escalation may name no other. */
  readonly channels?: readonly string[] | undefined
}

/** All files, parsed. */
export interface DutyFiles {
  readonly file: DutyFile
  readonly calendar: Calendar
  readonly policies: readonly EscalationPolicy[]
  readonly wording: DutyWording
}

/** Which of the files; `calendar` is all years, `templates` the room's sentences. */
export type DutyFileName = 'duty' | 'escalation' | 'calendar' | 'templates'

/** Files as far as they could be read. */
export interface ReadDuty {
  readonly file: DutyFile | undefined
  readonly policies: readonly EscalationPolicy[] | undefined
  readonly wording: DutyWording | undefined
  /** Without the years that are faulty. */
  readonly calendar: Calendar
  readonly faults: readonly { readonly file: DutyFileName; readonly mistakes: readonly string[] }[]
}

/** Reads and checks all of them. Throws SettingsError with every mistake of every file. */
export function loadDuty(places: DutyPlaces): DutyFiles {
  const { faults, file, policies, wording, calendar } = readDuty(places)
  if (faults.length > 0 || file === undefined || policies === undefined || wording === undefined) throw new SettingsError(faults.flatMap((fault) => fault.mistakes))
  return { file, policies, wording, calendar }
}

/** As `loadDuty`, with everything that can be said at once. */
export function readDuty(places: DutyPlaces): ReadDuty {
  const faults: { readonly file: DutyFileName; readonly mistakes: readonly string[] }[] = []
  const attempt = <T>(what: DutyFileName, parse: () => T): T | undefined => {
    try {
      return parse()
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      faults.push({ file: what, mistakes: error.mistakes })
      return undefined
    }
  }
  const { dutyFile, escalationFile, wordingFile } = pathsOf(places)
  const file = attempt('duty', () => parseDutyFile(read(dutyFile), dutyFile))
  const policies = attempt('escalation', () => parseEscalationFile(read(escalationFile), escalationFile))
  const wording = attempt('templates', () => parseDutyWording(read(wordingFile), wordingFile))
  const years = calendarFolders(places).flatMap((folder) => yearFiles(folder).map((path) => attempt('calendar', () => parseCalendarYear(read(path), path))))
  if (file !== undefined && policies !== undefined) attempt('escalation', () => checkEscalationNames(policies, escalationFile, file, places.channels))
  return { file, policies, wording, calendar: calendarOf(years.filter((year) => year !== undefined)), faults }
}

/** Every file that these places name, with what it is; a folder's files as they are now. */
export function dutyPaths(places: DutyPlaces): readonly { readonly file: DutyFileName; readonly path: string }[] {
  const { dutyFile, escalationFile, wordingFile } = pathsOf(places)
  return [
    { file: 'duty', path: dutyFile },
    { file: 'escalation', path: escalationFile },
    { file: 'templates', path: wordingFile },
    ...calendarFolders(places).flatMap((folder) => yearFiles(folder).map((path) => ({ file: 'calendar' as const, path }))),
  ]
}

function pathsOf(places: DutyPlaces) {
  return {
    dutyFile: places.dutyFile ?? join(places.alerts, 'duty.yml'),
    escalationFile: places.escalationFile ?? join(places.alerts, 'escalation.yml'),
    wordingFile: join(places.alerts, 'templates', 'duty-zh-CN.yml'),
  }
}

function calendarFolders(places: DutyPlaces): readonly string[] {
  return [join(places.alerts, 'calendar'), ...(places.calendarFolder === undefined ? [] : [places.calendarFolder])]
}

/** The files of a folder that are years; a folder that is not there has none yet. */
function yearFiles(folder: string): readonly string[] {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  return readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name))
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new SettingsError([`${path}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`])
  }
}
