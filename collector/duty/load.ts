/** Reads the room's files from disk: the shipped ones, and the site's in their place or beside them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
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

/** Reads and checks all of them. Throws SettingsError with every mistake of every file. */
export function loadDuty(places: DutyPlaces): DutyFiles {
  const mistakes: string[] = []
  const attempt = <T>(parse: () => T): T | undefined => {
    try {
      return parse()
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      mistakes.push(...error.mistakes)
      return undefined
    }
  }
  const escalationFile = places.escalationFile ?? join(places.alerts, 'escalation.yml')
  const dutyFile = places.dutyFile ?? join(places.alerts, 'duty.yml')
  const wordingFile = join(places.alerts, 'templates', 'duty-zh-CN.yml')
  const file = attempt(() => parseDutyFile(read(dutyFile), dutyFile))
  const policies = attempt(() => parseEscalationFile(read(escalationFile), escalationFile))
  const wording = attempt(() => parseDutyWording(read(wordingFile), wordingFile))
  const years = [join(places.alerts, 'calendar'), ...(places.calendarFolder === undefined ? [] : [places.calendarFolder])].flatMap((folder) =>
    yearFiles(folder).map((path) => attempt(() => parseCalendarYear(read(path), path))),
  )
  if (file !== undefined && policies !== undefined) attempt(() => checkEscalationNames(policies, escalationFile, file, places.channels))
  if (mistakes.length > 0 || file === undefined || policies === undefined || wording === undefined) throw new SettingsError(mistakes)
  return { file, policies, wording, calendar: calendarOf(years.filter((year) => year !== undefined)) }
}

/** The files of a folder that are years; a folder that is not there has none yet. */
function yearFiles(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
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
