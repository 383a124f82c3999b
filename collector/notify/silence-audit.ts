import { appendAudit } from '../state/audit.ts'
import type { Json } from '../state/audit.ts'
import type { StateTransaction } from '../state/open.ts'
import type { SilenceChange } from './run-silences.ts'
import type { Silence } from './silence.ts'

/** The audit row of a change to a silence, inside its transaction. `second`: who agreed to it. */
export async function auditSilence(trx: StateTransaction, change: SilenceChange, actor: string, at: number, second?: string): Promise<void> {
  const before = change.kind === 'set' ? change.before : undefined
  const detail: Json = { ...silenceFacts(change.silence), ...(before === undefined ? {} : { before: silenceFacts(before), beforeId: before.id }), ...(second === undefined ? {} : { second }) }
  await appendAudit(trx, { at, actor, action: change.kind === 'expired' ? 'silence.expire' : before === undefined ? 'silence.create' : 'silence.update', object: change.silence.id, detail })
}

/** What the audit log keeps of a silence. */
export function silenceFacts(silence: Pick<Silence, 'matchers' | 'startsAt' | 'endsAt' | 'createdBy' | 'comment'>): { readonly [key: string]: Json } {
  return { matchers: silence.matchers.map(({ name, op, value }) => `${name}${op}${JSON.stringify(value)}`), startsAt: silence.startsAt, endsAt: silence.endsAt, createdBy: silence.createdBy, comment: silence.comment }
}
