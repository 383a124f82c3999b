/**
 * Duty, as the console reads it at `/api/zhishou/v1/duty*`. Times are epoch ms; dates are local days, `2026-10-01`.
 * Sentences are Chinese and meant for people. Phone numbers and mail addresses are null for callers who may not see
 * them (permission `duty.contacts`), as are the reasons of changes.
 */
import type { ClockName } from './api.ts'

/** Somebody of the team. */
export interface DutyPerson {
  readonly id: string
  readonly name: string
  readonly phone: string | null
  readonly mail: string | null
}

/** Somebody on duty in a roster. */
export interface DutyTurn {
  readonly person: DutyPerson
  /** Title of the shift. */
  readonly shift: string
  readonly from: number
  /** Until when this person stays, a stand-in for a part of a shift counted. */
  readonly until: number
  /** The shift is over and is being handed over. */
  readonly handingOver: boolean
  readonly why: string
}

/** One roster at one moment. */
export interface DutyRosterNow {
  readonly name: string
  readonly title: string
  readonly people: readonly DutyTurn[]
  /** Why nobody is there; null: somebody is, or the roster has no shift now. */
  readonly nobody: string | null
  /** The next shift that begins within seven days; null: none. */
  readonly next: { readonly from: number; readonly shift: string; readonly people: readonly string[] } | null
}

/** A stretch without (enough) people. */
export interface DutyGap {
  /** Roster or demand that misses them. */
  readonly of: 'roster' | 'cover'
  readonly title: string
  readonly from: number
  readonly to: number
  readonly why: string
  readonly text: string
}

/** GET /duty */
export interface DutyNow {
  readonly now: number
  /** Whether phones, mail addresses and reasons are in the answer. */
  readonly contacts: boolean
  readonly rosters: readonly DutyRosterNow[]
  /** Standing roles, and who has them now. */
  readonly roles: readonly { readonly name: string; readonly title: string; readonly people: readonly DutyPerson[] }[]
  /** Of the next seven days. */
  readonly gaps: readonly DutyGap[]
  readonly conflicts: readonly string[]
  readonly calendar: { readonly years: readonly { readonly year: number; readonly source: string }[]; readonly faults: readonly string[] }
  /** For the forms: everybody of the team, and the shifts of each roster. */
  readonly people: readonly DutyPerson[]
  readonly shifts: readonly { readonly roster: string; readonly title: string; readonly shifts: readonly { readonly name: string; readonly title: string }[] }[]
}

/** What a day is; `unknown`: that year's notice is not loaded. */
export interface DutyDay {
  readonly date: string
  readonly kind: 'workday' | 'makeup' | 'weekend' | 'holiday' | 'unknown'
  /** Name of the holiday, '' where there is none. */
  readonly name: string
}

/** One stretch of a shift; hand-over is left out. */
export interface DutyStretch {
  readonly from: number
  readonly to: number
  readonly people: readonly { readonly id: string; readonly name: string; readonly why: string; readonly changed: boolean }[]
  readonly away: readonly { readonly id: string; readonly name: string; readonly why: string }[]
}

/** One shift of one day. */
export interface DutyShift {
  readonly key: string
  readonly roster: string
  readonly rosterTitle: string
  readonly shift: string
  readonly title: string
  readonly date: string
  readonly from: number
  readonly to: number
  /** The year whose calendar is missing, so that nobody can say whether it takes place; null: known. */
  readonly unknownYear: number | null
  readonly stretches: readonly DutyStretch[]
}

/** GET /duty/shifts?from=2026-11-01&to=2026-11-30, both days counted, 62 at most. */
export interface DutyMonth {
  readonly now: number
  readonly days: readonly DutyDay[]
  readonly shifts: readonly DutyShift[]
  readonly gaps: readonly DutyGap[]
}

/** One person's place in one shift; `date` is the day the shift begins on. */
export interface DutyPlace {
  readonly roster: string
  readonly shift: string
  readonly date: string
  readonly person: string
}

/** What people change: two exchange places, one stands in (`out` null: in addition), one is away. */
export type DutyChange =
  | { readonly kind: 'swap'; readonly first: DutyPlace; readonly second: DutyPlace }
  | { readonly kind: 'substitute'; readonly roster: string; readonly out: string | null; readonly in: string; readonly from: number; readonly to: number }
  | { readonly kind: 'absence'; readonly person: string; readonly from: number; readonly to: number }

/** A change that was made. */
export interface DutyOverride {
  readonly id: number
  readonly body: DutyChange
  /** The change in words. */
  readonly text: string
  readonly reason: string | null
  readonly by: string
  readonly at: number
  readonly revoked: { readonly at: number; readonly by: string; readonly reason: string | null } | null
}

/** GET /duty/overrides: newest first, also those taken back; the newest 500. */
export interface DutyOverrides {
  readonly now: number
  readonly overrides: readonly DutyOverride[]
}

/**
 * POST /duty/overrides {body, reason, preview?}: what the change did, or with `preview` would do. `impossible` (preview
 * only; otherwise status 422): it could have no effect. DELETE /duty/overrides/:id {reason} takes one back.
 */
export interface DutyOverrideReply {
  readonly kind: 'made' | 'possible' | 'impossible'
  readonly text: string
  /** Number of the change; null in a preview. */
  readonly id: number | null
  /** What contradicts itself, and who is missing where, that did not before. */
  readonly faults: readonly string[]
}

/** GET /duty/escalation: who is told how early before a clock runs out. */
export interface DutyEscalation {
  readonly policies: readonly {
    readonly name: string
    /** Profiles and severities it is for; empty: all that no policy before it takes. */
    readonly profiles: readonly string[]
    readonly severities: readonly string[]
    readonly steps: readonly { readonly clock: ClockName; readonly used: number; readonly to: readonly string[]; readonly channels: readonly string[]; readonly repeatEveryMs: number | null }[]
  }[]
  /** Roles with the rosters they are found in, and who is asked when nobody is; by title. */
  readonly roles: readonly { readonly name: string; readonly title: string; readonly rosters: readonly string[]; readonly next: string | null }[]
}
