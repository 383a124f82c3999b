/**
 * One transaction of the room: what it reads is the board as it has changed it so far, and what it writes goes to disk
 * together at its end. Only when that has succeeded does the board change and anybody hear of it.
 */
import { officeTime } from '../clock.ts'
import type { State, StateTransaction } from '../state/open.ts'
import type { Board, Draft, HiddenAlert } from './board.ts'
import type { AlertFacts, LiveEvent, OpeningEvent } from './event.ts'
import { storeHidden } from './hidden-storage.ts'
import type { HiddenRow, HiddenState } from './hidden-storage.ts'
import type { Incident } from './incident.ts'
import type { Outcome, Stepped } from './outcome.ts'
import { open, step } from './step.ts'
import { newestNumbers, numberPrefix, storeSteps } from './storage.ts'
import type { StoredStep } from './storage.ts'

/** What a piece of work is given. */
export interface Unit {
  readonly trx: StateTransaction
  readonly now: number
  readonly draft: Draft
  /** Steps an incident; stepped ones are written. `at` is the time of the event where that is not now. */
  step(incident: Incident, event: LiveEvent, at?: number): Outcome
  /** Opens an incident under the next number. */
  open(make: (id: number, number: string) => OpeningEvent): Promise<Incident>
  /** Notes a hidden alert under its incident, or how it stands now. */
  hide(incident: Pick<Incident, 'id' | 'number'>, facts: AlertFacts, state?: HiddenAlert['state']): void
  /** Ends the hiding of an alert. */
  unhide(hidden: HiddenAlert, how: Exclude<HiddenState, 'firing' | 'no-data'>): void
}

/** What committing needs. */
export interface UnitDependencies {
  readonly state: State
  readonly clock: { now(): number }
}

/** Runs work one piece after the other, so that each sees what the one before has left. */
export function createUnits(deps: UnitDependencies, board: Board, changed: (incidents: readonly Incident[]) => void) {
  let tail: Promise<unknown> = Promise.resolve()

  async function run<T>(work: (unit: Unit) => Promise<T>): Promise<T> {
    const draft = board.draft()
    const result = await deps.state.db.transaction().execute(async (trx) => {
      const now = deps.clock.now()
      const writer = createWriter(trx, draft, now)
      const value = await work(writer.unit)
      await storeSteps(trx, writer.steps)
      await storeHidden(trx, [...writer.hidden.values()])
      return value
    })
    draft.publish()
    const list = [...draft.changed()]
    if (list.length > 0) changed(list)
    return result
  }

  return {
    run<T>(work: (unit: Unit) => Promise<T>): Promise<T> {
      const next = tail.then(() => run(work))
      // The next piece waits for this one; its failure is the caller's alone.
      tail = next.then(() => undefined, () => undefined)
      return next
    },
  }
}

function createWriter(trx: StateTransaction, draft: Draft, now: number) {
  const steps: StoredStep[] = []
  const hidden = new Map<string, HiddenRow>()
  const day = officeTime(now).slice(0, 10).replaceAll('-', '')
  let numbers: { id: number; count: number } | undefined
  const keep = (outcome: Stepped, event: StoredStep['event'], at: number): void => {
    draft.put(outcome.incident)
    steps.push({ incident: outcome.incident, event, mark: outcome.mark, at })
  }
  const note = (row: HiddenRow): void => void hidden.set(`${row.incidentId} ${row.facts.fingerprint}`, row)
  const unit: Unit = {
    trx,
    now,
    draft,
    step(incident, event, at = now) {
      const outcome = step(incident, event, at)
      if (outcome.kind === 'stepped') keep(outcome, event, at)
      return outcome
    },
    async open(make) {
      const before = numbers ?? (await newestNumbers(trx, day))
      numbers = { id: before.id + 1, count: before.count + 1 }
      const event = make(numbers.id, `${numberPrefix(day)}${String(numbers.count).padStart(3, '0')}`)
      const outcome = open(event, now)
      keep(outcome, event, now)
      return outcome.incident
    },
    hide(incident, facts, state = 'firing') {
      const known = draft.hidden(facts.fingerprint)
      const hiddenAt = known?.incidentId === incident.id ? known.hiddenAt : now
      draft.setHidden(facts.fingerprint, { incidentId: incident.id, number: incident.number, state, hiddenAt, facts })
      note({ incidentId: incident.id, state, hiddenAt, endedAt: null, facts })
    },
    unhide({ incidentId, hiddenAt, facts }, how) {
      if (draft.hidden(facts.fingerprint)?.incidentId === incidentId) draft.setHidden(facts.fingerprint, undefined)
      note({ incidentId, state: how, hiddenAt, endedAt: now, facts })
    },
  }
  return { unit, steps, hidden }
}
