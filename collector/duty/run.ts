/**
 * The room's shell: holds the plan in force, keeps people's changes, and answers for now. What it answers is decided by
 * the pure files beside it.
 */
import { OFFICE_ZONE } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { State, StateTransaction } from '../state/open.ts'
import type { AckContext } from './acknowledge.ts'
import { ackKeys, forgetOldAcks } from './ack-storage.ts'
import { overrideFaults } from './conflicts.ts'
import type { Conflict } from './conflicts.ts'
import { policyFor } from './escalation-file.ts'
import type { EscalationPolicy } from './escalation-file.ts'
import { escalations } from './escalation.ts'
import type { EscalationAnswer, EscalationIncident } from './escalation.ts'
import { dutyFaults } from './health.ts'
import type { DutyFault } from './health.ts'
import type { DutyFiles } from './load.ts'
import { DAY_MS } from './local-time.ts'
import type { Override, OverrideBody } from './override.ts'
import type { DutyPlan } from './plan.ts'
import { consequences } from './preview.ts'
import type { Consequences } from './preview.ts'
import { recipientsOf } from './recipients.ts'
import type { Recipients } from './recipients.ts'
import { addOverride, listOverrides, revokeOverride, toldOf } from './storage.ts'
import type { StoredOverride } from './storage.ts'

/** How far ahead gaps are told. */
const AHEAD_MS = 7 * DAY_MS

/** A change that people asked for: made, with what it brings about; or refused. Texts are in `conflictText` and `gapText`. */
export type OverrideOutcome = ({ readonly kind: 'made'; readonly override: Override } & Consequences) | { readonly kind: 'refused'; readonly conflicts: readonly Conflict[] }

/** Duty, while the collector runs. */
export interface Duty {
  /** The plan in force; ask it with the pure functions (shifts, onDuty, gaps, conflicts, recipients). */
  plan(): DutyPlan
  /** Escalation as its file has it. */
  policies(): readonly EscalationPolicy[]
  /** For the functions of acknowledge.ts. */
  context(): AckContext
  /** New files, after people changed them. */
  replaceFiles(files: DutyFiles): void
  /** Keeps a swap, substitution or absence by `by`; refused when it could have no effect. */
  override(body: OverrideBody, by: string, reason: string): Promise<OverrideOutcome>
  /** What `override` would do now, without doing it; `possible` has no number yet. */
  preview(body: OverrideBody): Promise<({ readonly kind: 'possible' } & Consequences) | { readonly kind: 'refused'; readonly conflicts: readonly Conflict[] }>
  /** Takes one back. false: there is none in force with that number. */
  revoke(id: number, by: string, reason: string): Promise<boolean>
  /** All changes, also those taken back. */
  overrides(): Promise<readonly StoredOverride[]>
  /** Who is told now under these names of roles and rosters. */
  recipients(names: readonly string[]): Recipients
  /** Which escalation is due for an incident, and when to ask again. Record it (storage.ts) where it is queued. */
  escalation(trx: StateTransaction, incident: EscalationIncident & { readonly profile: string; readonly severity: string }): Promise<EscalationAnswer>
  /** Gaps of the next seven days, conflicts, missing calendar years. */
  faults(): readonly DutyFault[]
  /** Forgets used links and codes of the past and renews the signing key; daily. */
  tidy(): Promise<void>
}

/** Opens the room over state.db. */
export async function openDuty(options: { readonly state: State; readonly clock: Clock; readonly files: DutyFiles; readonly zone?: string }): Promise<Duty> {
  const { state, clock, zone = OFFICE_ZONE } = options
  let files = options.files
  let overrides: readonly Override[] = []
  let plan = planOf()
  /** Made anew whole, so that whoever holds the old one goes on with what was true. */
  function planOf(): DutyPlan {
    return { file: files.file, calendar: files.calendar, overrides, zone }
  }
  async function reread(): Promise<void> {
    overrides = (await listOverrides(state.db)).filter((one) => one.revoked === undefined)
    plan = planOf()
  }
  await reread()
  return {
    plan: () => plan,
    policies: () => files.policies,
    context: () => ({ plan, wording: files.wording }),
    replaceFiles(next) {
      files = next
      plan = planOf()
    },
    async override(body, by, reason) {
      const outcome = await state.db.transaction().execute(async (trx): Promise<OverrideOutcome> => {
        // Decided on what is stored, not on what this process last read: two people may edit at once.
        const stored = (await listOverrides(trx)).filter((one) => one.revoked === undefined)
        const before = { ...planOf(), overrides: stored }
        const faults = overrideFaults(before, body)
        if (faults.length > 0) return { kind: 'refused', conflicts: faults }
        const override = await addOverride(trx, body, by, reason, clock.now())
        return { kind: 'made', override, ...consequences(before, { ...before, overrides: [...stored, override] }, body) }
      })
      await reread()
      return outcome
    },
    async preview(body) {
      const stored = (await listOverrides(state.db)).filter((one) => one.revoked === undefined)
      const before = { ...planOf(), overrides: stored }
      const faults = overrideFaults(before, body)
      if (faults.length > 0) return { kind: 'refused', conflicts: faults }
      const tried = { id: (stored.at(-1)?.id ?? 0) + 1, body, reason: '', by: '', at: clock.now() }
      return { kind: 'possible', ...consequences(before, { ...before, overrides: [...stored, tried] }, body) }
    },
    async revoke(id, by, reason) {
      const done = await state.db.transaction().execute((trx) => revokeOverride(trx, id, by, reason, clock.now()))
      await reread()
      return done
    },
    overrides: () => listOverrides(state.db),
    recipients: (names) => recipientsOf(plan, names, clock.now()),
    async escalation(trx, incident) {
      const policy = policyFor(files.policies, incident.profile, incident.severity)
      if (policy === undefined) return { due: undefined, nextDueAt: undefined }
      return escalations(incident, policy, await toldOf(trx, incident.number), clock.now())
    },
    faults: () => dutyFaults(plan, files.wording, clock.now(), AHEAD_MS),
    tidy: () =>
      state.db.transaction().execute(async (trx) => {
        await forgetOldAcks(trx, clock.now())
        await ackKeys(trx, clock.now())
      }),
  }
}
