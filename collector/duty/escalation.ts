/**
 * Escalation by time left on an incident's clocks. Pure: what is due is a function of the clocks, the policy and what
 * was told before; nothing is counted down, so a start that moves earlier, a restart or a replay changes only what the
 * clocks themselves say.
 *
 * 1. A step is told at most once in an incident's life, reopened or not; its repeats are numbered from 1.
 * 2. All that is due at one moment is one message.
 * 3. A clock that is stopped tells nothing; started again (the incident reopened), it continues where it was.
 * 4. Only the newest told step of a clock is repeated.
 */
import type { ClockName } from '../../protocol/api.ts'
import type { EscalationPolicy, EscalationStep } from './escalation-file.ts'

/** One clock, as `ClockView` of protocol/api.ts has it. */
export interface EscalationClock {
  readonly clock: ClockName
  readonly limitMs: number
  readonly dueAt: number
  readonly stoppedAt: number | null
}

/** What escalation needs of an incident. */
export interface EscalationIncident {
  readonly number: string
  readonly clocks: readonly EscalationClock[]
  /** In a guard period below 1: steps come at that share of their time and repeat as much oftener. The breach stays. */
  readonly factor: number
}

/** One telling that is on record. `repeat` 0: the step itself. */
export interface Told {
  readonly clock: ClockName
  readonly used: number
  readonly repeat: number
  readonly at: number
}

/** A step that is due now. `reachedAt`: when its share of time had passed; for a repeat when it was owed. */
export interface DueStep {
  readonly step: EscalationStep
  readonly repeat: number
  readonly reachedAt: number
  readonly leftMs: number
}

/** One message: all steps due at one moment. */
export interface Escalation {
  readonly incident: string
  /** The same for the same steps whenever it is computed: the outbox refuses a second one. */
  readonly key: string
  /** By clock, then share; the last of each clock is the one the text is about. */
  readonly steps: readonly DueStep[]
  /** Roles of all steps, each once, nearest first. */
  readonly to: readonly string[]
  /** Channels that any of the steps names. */
  readonly channels: readonly string[]
  /** Some step names none: it goes by each person's own ways, whatever the others name. */
  readonly everyWay: boolean
}

/** What is due now, and when to ask again; `nextDueAt` undefined: not before something happens to the incident. */
export interface EscalationAnswer {
  readonly due: Escalation | undefined
  readonly nextDueAt: number | undefined
}

/** What has to be told at `now`. `alreadyTold` is this incident's record; whoever tells adds `tellings(due)` to it. */
export function escalations(incident: EscalationIncident, policy: EscalationPolicy, alreadyTold: readonly Told[], now: number): EscalationAnswer {
  const due: DueStep[] = []
  let nextDueAt: number | undefined
  for (const clock of incident.clocks) {
    if (clock.stoppedAt !== null) continue
    const told = alreadyTold.filter((one) => one.clock === clock.clock)
    for (const owed of owedBy(clock, policy, incident.factor, told, now)) {
      if (owed.reachedAt <= now) due.push(owed)
      else nextDueAt = Math.min(nextDueAt ?? Infinity, owed.reachedAt)
    }
  }
  return { due: due.length === 0 ? undefined : message(incident.number, due), nextDueAt }
}

/** The steps of one clock that are still owed, now or later: those never told, and the next repeat of the newest told one. */
function owedBy(clock: EscalationClock, policy: EscalationPolicy, factor: number, told: readonly Told[], now: number): readonly DueStep[] {
  const leftMs = clock.dueAt - now
  const startedAt = clock.dueAt - clock.limitMs
  const steps = policy.steps
    .filter((step) => step.clock === clock.clock)
    .map((step) => ({ step, reachedAt: startedAt + Math.ceil((clock.limitMs * step.used * (step.used === 100 ? 1 : factor)) / 100) }))
  // A step put into the policy below one that was told comes too late to be told.
  const reached = Math.max(0, ...told.map((one) => one.used))
  const owed: DueStep[] = steps.filter(({ step }) => step.used > reached).map(({ step, reachedAt }) => ({ step, reachedAt, repeat: 0, leftMs }))
  // While a new step is due, it speaks instead of the old one's repeat.
  if (owed.some((one) => one.reachedAt <= now)) return owed
  const newest = steps.find(({ step }) => step.used === reached)
  const every = newest?.step.repeatEveryMs
  if (newest === undefined || every === undefined) return owed
  const tellings = told.filter((one) => one.used === newest.step.used)
  const last = Math.max(...tellings.map((one) => one.at))
  const repeat = Math.max(...tellings.map((one) => one.repeat)) + 1
  return [...owed, { step: newest.step, reachedAt: last + Math.ceil(every * factor), repeat, leftMs }]
}

function message(incident: string, steps: readonly DueStep[]): Escalation {
  const unique = (names: readonly string[]): readonly string[] => [...new Set(names)]
  return {
    incident,
    key: `escalation/${incident}/${steps.map(({ step, repeat }) => `${step.clock}-${step.used}${repeat === 0 ? '' : `r${repeat}`}`).join('+')}`,
    steps,
    to: unique(steps.flatMap(({ step }) => step.to)),
    channels: unique(steps.flatMap(({ step }) => step.channels)),
    everyWay: steps.some(({ step }) => step.channels.length === 0),
  }
}

/** The record to keep of a message, in the transaction that queues it. */
export function tellings(due: Escalation, at: number): readonly Told[] {
  return due.steps.map(({ step, repeat }) => ({ clock: step.clock, used: step.used, repeat, at }))
}
