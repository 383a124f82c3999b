/** The silences there are, in memory and in state.db. The caller audits, inside the transaction of the change. */
import type { Labels } from '../../protocol/series.ts'
import type { State, StateTransaction } from '../state/open.ts'
import { matchesAll } from './matcher.ts'
import type { LabelMatcher } from './matcher.ts'
import { loadSilences, saveSilence } from './route-storage.ts'
import { compareSilences, compileSilence, expireSilence, setSilence, silenceState } from './silence.ts'
import type { SetSilence, Silence, SilenceRequest } from './silence.ts'

export interface SilencesDependencies {
  readonly state: State
  /** Runs a task when nothing else changes state. */
  exclusive<T>(task: () => Promise<T>): Promise<T>
  now(): number
  newId(): string
}

/** What a change was, for the audit row that goes into its transaction. */
export type SilenceChange = { readonly kind: 'set'; readonly silence: Silence; readonly before: Silence | undefined } | { readonly kind: 'expired'; readonly silence: Silence }
export type AuditSilence = (trx: StateTransaction, change: SilenceChange) => Promise<void>

export interface Silences {
  /** All that are kept, in the API's order. */
  list(): readonly Silence[]
  get(id: string): Silence | undefined
  set(request: SilenceRequest, audit: AuditSilence): Promise<SetSilence>
  expire(id: string, audit: AuditSilence): Promise<'expired' | 'not-found' | 'already-expired'>
  /** Ids of the active silences that cover these labels, in order. */
  silencedBy(labels: Labels, now: number): readonly string[]
  /** Drops from memory what ended before that time. */
  forget(before: number): void
}

interface Known {
  readonly silence: Silence
  readonly matchers: readonly LabelMatcher[]
}

/** Reads the silences from state.db. */
export async function openSilences(deps: SilencesDependencies): Promise<Silences> {
  const byId = new Map<string, Known>()
  const remember = (silence: Silence): void => void byId.set(silence.id, { silence, matchers: compileSilence(silence.matchers) })
  for (const silence of await loadSilences(deps.state.db)) remember(silence)

  return {
    list() {
      const now = deps.now()
      return [...byId.values()].map(({ silence }) => silence).sort((a, b) => compareSilences(a, b, now))
    },
    get: (id) => byId.get(id)?.silence,
    set: (request, audit) =>
      deps.exclusive(async () => {
        const before = request.id === undefined ? undefined : byId.get(request.id)?.silence
        const outcome = setSilence(before, request, deps.now(), deps.newId())
        if (outcome.kind !== 'set') return outcome
        await deps.state.db.transaction().execute(async (trx) => {
          if (outcome.expired !== undefined) await saveSilence(trx, outcome.expired)
          await saveSilence(trx, outcome.silence)
          await audit(trx, { kind: 'set', silence: outcome.silence, before })
        })
        if (outcome.expired !== undefined) remember(outcome.expired)
        remember(outcome.silence)
        return outcome
      }),
    expire: (id, audit) =>
      deps.exclusive(async () => {
        const known = byId.get(id)?.silence
        if (known === undefined) return 'not-found'
        const silence = expireSilence(known, deps.now())
        if (silence === undefined) return 'already-expired'
        await deps.state.db.transaction().execute(async (trx) => {
          await saveSilence(trx, silence)
          await audit(trx, { kind: 'expired', silence })
        })
        remember(silence)
        return 'expired'
      }),
    silencedBy(labels, now) {
      const found: string[] = []
      for (const { silence, matchers } of byId.values()) {
        if (silenceState(silence, now) === 'active' && matchesAll(matchers, labels)) found.push(silence.id)
      }
      return found.sort()
    },
    forget(before) {
      for (const [id, { silence }] of byId) if (silence.endsAt < before) byId.delete(id)
    },
  }
}
