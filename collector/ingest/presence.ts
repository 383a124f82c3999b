/**
 * Which agents are there: `up`, from the link's heartbeat. Pure; `run-presence.ts` acts.
 *
 * Two times are in play. `now` is the wall clock, which samples are stamped with. `observedMs` is how long this process
 * has actually been watching (see `observe`): silence is measured in it, so a collector that was stopped, swapped out or
 * had its clock set does not declare its whole fleet dead.
 *
 * ```
 * waiting ── heartbeat ──► up ── bye ──► held ── heartbeat of a new connection ──► up
 *    │                     │ ▲             │
 *    │ grace over   silent │ │ heartbeat   │ hold over
 *    └────────────►─────── ▼ │ ◄───────────┘
 *                          down
 * ```
 */

export interface PresenceLimits {
  /** No heartbeat for longer than this, whatever the socket looks like, means down. */
  readonly silenceMs: number
  /** A newly enrolled agent is given this long to connect for the first time. */
  readonly firstContactMs: number
}

export type Phase = 'waiting' | 'up' | 'held' | 'down'

export interface Seat {
  readonly instance: string
  readonly phase: Phase
  /** Since when it has been in this phase, epoch ms. */
  readonly since: number
  /** Wall time of the last heartbeat; for an agent never heard, of its enrolment. */
  readonly lastHeartbeatAt: number
  /** Whether an agent behind this seat has ever been heard. */
  readonly everHeard: boolean
  /** The same moment in observed time. */
  readonly heardMs: number
  /** `waiting` and `held`: observed time at which patience ends; Infinity: never. */
  readonly patienceMs: number
  /** We do not read from this agent just now (back-pressure), so its silence means nothing. */
  readonly blocked: boolean
  /** Newest sample of `up` written, and its value. */
  readonly lastRowAt: number
  readonly lastUp: 0 | 1 | undefined
}

/** A sample to write for this seat. */
export interface PresenceRow {
  readonly at: number
  readonly up: 0 | 1
}

export interface Decision {
  readonly seat: Seat
  readonly row: PresenceRow | undefined
  /** The value of `up` is another than before: rules on it should look now. */
  readonly changed: boolean
}

export interface Moment {
  readonly now: number
  readonly observedMs: number
}

/** Longest step between two looks that counts as having watched; longer, and this process itself was away. */
const MAX_STEP_MS = 1_000

/** Observed time after a look at `now`, the look before having been at `lastNow`. */
export function observe(observedMs: number, lastNow: number, now: number): number {
  return observedMs + Math.min(Math.max(now - lastNow, 0), MAX_STEP_MS)
}

/** The seat of an agent that is known but has not been heard since this process started. */
export function waitingSeat(
  known: { readonly instance: string; readonly lastHeartbeatAt: number; readonly everHeard: boolean; readonly patienceMs: number; readonly lastRowAt: number; readonly lastUp: 0 | 1 | undefined },
  moment: Moment,
): Seat {
  const { patienceMs, ...rest } = known
  return {
    ...rest,
    // Its outage is known and told already; only a heartbeat changes that.
    phase: known.lastUp === 0 ? 'down' : 'waiting',
    since: known.lastUp === 0 ? known.lastHeartbeatAt : moment.now,
    heardMs: moment.observedMs,
    patienceMs: moment.observedMs + patienceMs,
    blocked: false,
  }
}

/** A new connection has said hello. Also ends a hold. */
export function opened(seat: Seat, moment: Moment): Decision {
  const next: Seat = { ...seat, phase: 'up', since: seat.phase === 'up' ? seat.since : moment.now, lastHeartbeatAt: moment.now, everHeard: true, heardMs: moment.observedMs, patienceMs: 0, blocked: false }
  return withRow(next, { at: moment.now, up: 1 }, moment)
}

/** A ping or a frame. After a bye nothing but a new connection counts: the rest is the old one's closing. */
export function heard(seat: Seat, moment: Moment): Decision {
  if (seat.phase === 'held') return { seat, row: undefined, changed: false }
  if (seat.phase !== 'up') return opened(seat, moment)
  return { seat: { ...seat, lastHeartbeatAt: moment.now, heardMs: moment.observedMs }, row: undefined, changed: false }
}

/**
 * A planned end; 0 means until somebody starts it again. It is a heartbeat too, and written as one, so that a restart of
 * ours finds the last `up` near the last heartbeat that state.db knows.
 */
export function saidBye(seat: Seat, backWithinMs: number, moment: Moment): Decision {
  const next: Seat = { ...seat, phase: 'held', since: moment.now, lastHeartbeatAt: moment.now, everHeard: true, heardMs: moment.observedMs, patienceMs: backWithinMs === 0 ? Infinity : moment.observedMs + backWithinMs }
  return seat.phase === 'up' ? withRow(next, { at: moment.now, up: 1 }, moment) : quiet(next)
}

/** Whether we have stopped or begun again to read from the agent. */
export function nowReading(seat: Seat, is: boolean, moment: Moment): Seat {
  return { ...seat, blocked: !is, heardMs: moment.observedMs }
}

/** What time alone brings. `sweep`: also write the regular sample of this seat. */
export function look(seat: Seat, sweep: boolean, limits: PresenceLimits, moment: Moment): Decision {
  switch (seat.phase) {
    case 'up': {
      if (seat.blocked) return quiet({ ...seat, heardMs: moment.observedMs })
      if (moment.observedMs - seat.heardMs > limits.silenceMs) return down(seat, moment)
      return sweep && seat.lastHeartbeatAt !== seat.lastRowAt ? withRow(seat, { at: seat.lastHeartbeatAt, up: 1 }, moment) : quiet(seat)
    }
    case 'waiting':
    case 'held':
      // Enrolled but never started: the console says so; nothing that was well has gone.
      if (!seat.everHeard) return quiet(seat)
      return moment.observedMs >= seat.patienceMs && moment.observedMs - seat.heardMs > limits.silenceMs ? down(seat, moment) : quiet(seat)
    case 'down':
      return sweep ? withRow(seat, { at: moment.now, up: 0 }, moment) : quiet(seat)
  }
}

function quiet(seat: Seat): Decision {
  return { seat, row: undefined, changed: false }
}

/** Down since just after the last heartbeat: that is when the outage, and its clocks, began. */
function down(seat: Seat, moment: Moment): Decision {
  return withRow({ ...seat, phase: 'down', since: seat.lastHeartbeatAt, blocked: false }, { at: seat.lastHeartbeatAt + 1, up: 0 }, moment)
}

/** Beyond this our own clock was set back, and rows must not wait until it has caught up. */
const STEP_BACK_MS = 60_000

/** Rows of a seat ascend; a change always finds a place, a repeat that would not is left out. */
function withRow(seat: Seat, row: PresenceRow, moment: Moment): Decision {
  const changed = row.up !== seat.lastUp
  const steppedBack = seat.lastRowAt > moment.now + STEP_BACK_MS
  if (row.at <= seat.lastRowAt && !changed && !steppedBack) return quiet(seat)
  const at = row.at <= seat.lastRowAt && !steppedBack ? seat.lastRowAt + 1 : row.at
  return { seat: { ...seat, lastRowAt: at, lastUp: row.up }, row: { at, up: row.up }, changed }
}
