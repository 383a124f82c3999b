/**
 * Acknowledging without signing in: what the page behind a message's link says, and the act it confirms. Use of the link
 * and response of the incident are one transaction; an act that is not taken leaves the link as it was.
 *
 * Tries of one address that come to nothing are counted, and beyond the limit it only hears that there were too many.
 * A link that is good passes even then: many people share one address behind a gateway, and nobody of them may be kept
 * from answering at night by what another one sends. A signature of 256 bits is not found by trying.
 */
import { createAttempts } from '../access/attempts.ts'
import { confirmLink, lookAtLink } from '../duty/acknowledge.ts'
import type { AckRefusal } from '../duty/acknowledge.ts'
import { localText } from '../duty/local-time.ts'
import type { Duty } from '../duty/run.ts'
import { fill } from '../sentence.ts'
import type { Incidents } from '../incidents/run.ts'
import type { Wording } from '../incidents/wording.ts'
import { aliasOf } from '../notify/render.ts'
import { appendAudit } from '../state/audit.ts'
import type { State } from '../state/open.ts'
import type { IncidentDetail } from '../../protocol/api.ts'
import type { Alongside } from '../incidents/people.ts'
import type { AckAnswer, AckLinkDependencies } from './duty-dependencies.ts'

/** Wrong tokens of one address, and its confirmations that came to nothing, within the window. */
const WRONG = { failures: 20, windowMs: 600_000, addresses: 10_000 }
const IN_VAIN = { failures: 30, windowMs: 600_000, addresses: 10_000 }

export interface AckLinkParts {
  readonly state: State
  readonly duty: Pick<Duty, 'context'>
  readonly incidents: Pick<Incidents, 'get' | 'acknowledge' | 'confirmRecovery'>
  readonly wording: Wording
  readonly serviceAliases: Readonly<Record<string, string>>
  now(): number
  /** Counts what was refused at the door. */
  refused(what: string, code: string): void
}

/** The room behind `/a/TOKEN`. */
export function ackLinks(parts: AckLinkParts): AckLinkDependencies {
  const { state, incidents } = parts
  const [wrong, inVain] = [createAttempts(WRONG), createAttempts(IN_VAIN)]
  const page = () => parts.duty.context().wording.page

  /** What leaves the site in messages: severity, service by alias, number. */
  async function titleOf(number: string): Promise<{ readonly lines: readonly string[]; readonly by: string | null; readonly over: boolean; readonly claim: IncidentDetail['claim'] } | undefined> {
    const incident = await incidents.get(number)
    if (incident === undefined) return undefined
    const service = incident.service === '' ? '' : aliasOf(incident.service, parts)
    const what = parts.wording.message.what.opened
    const line = fill(parts.wording.message.minimal.subject, { severity: parts.wording.severity[incident.severity], service, what, number })
    return { lines: [line], by: incident.acknowledgedBy, claim: incident.claim, over: incident.state === 'merged' || incident.state === 'closed' || incident.state === 'recovered' }
  }

  function limited(waitMs: number): AckAnswer {
    parts.refused('ack-link', 'too-many')
    return { kind: 'limited', heading: page().refused, lines: [fill(page().limited, { minutes: Math.ceil(waitMs / 60_000) })], retryAfterMs: waitMs }
  }

  function refusal({ why, text }: AckRefusal, address: string, confirmed: boolean): AckAnswer {
    const now = parts.now()
    const waitMs = Math.max(why === 'forged' ? wrong.waitMs(address, now) : 0, confirmed ? inVain.waitMs(address, now) : 0)
    if (waitMs > 0) return limited(waitMs)
    parts.refused('ack-link', why)
    if (why === 'forged') wrong.failed(address, now)
    if (confirmed) inVain.failed(address, now)
    return { kind: why === 'forged' || why === 'other-purpose' ? 'wrong' : why === 'used' ? 'used' : 'gone', heading: page().refused, lines: [text] }
  }

  return {
    async look(token, address) {
      const context = parts.duty.context()
      const found = await lookAtLink(state.db, context, token, parts.now())
      if (found.kind === 'refused') return refusal(found, address, false)
      const title = await titleOf(found.claim.incident)
      if (title === undefined) return { kind: 'gone', heading: page().refused, lines: [page().gone] }
      if (title.claim !== null && title.claim.by !== found.person.id && title.claim.by !== found.person.name) {
        const { by, at } = title.claim
        return {
          kind: 'ask',
          heading: page().recoveryTitle,
          lines: [...title.lines, fill(page().recoveryAsk, { by, at: localText(context.plan.zone, at), person: found.person.name })],
          confirm: page().recoveryConfirm,
          confirmValue: 'recovery',
          hint: page().hint,
        }
      }
      if (title.by !== null) return { kind: 'already', heading: fill(page().already, { by: title.by }), lines: [...title.lines, page().next] }
      if (title.over) return { kind: 'gone', heading: page().over, lines: title.lines }
      return {
        kind: 'ask',
        heading: page().title,
        lines: [...title.lines, fill(page().ask, { person: found.person.name }), fill(page().until, { at: localText(context.plan.zone, found.claim.expiresAt) })],
        confirm: page().confirm,
        hint: page().hint,
      }
    },

    elsewhere: () => ({ kind: 'elsewhere', heading: page().refused, lines: [page().elsewhere] }),

    async confirm(token, address, what = 'yes') {
      const now = parts.now()
      const context = parts.duty.context()
      const found = await lookAtLink(state.db, context, token, now)
      if (found.kind === 'refused') return refusal(found, address, true)
      const { incident, person } = found.claim
      let lost: AckRefusal | undefined
      const alongside: Alongside = {
        // Looked at again where it counts: two taps at once, or a link that ran out between.
        async check(trx) {
          const again = await lookAtLink(trx, context, token, now)
          if (again.kind === 'page') return undefined
          lost = again
          return { kind: 'refused', status: 409, code: `link-${again.why}`, message: again.text }
        },
        async write(trx) {
          await confirmLink(trx, context, token, now)
          await appendAudit(trx, { at: now, actor: person, action: what === 'yes' ? 'duty.ack-link' : 'duty.recovery-link', object: incident, detail: { address } })
        },
      }
      const outcome = what === 'yes' ? await incidents.acknowledge(incident, found.person.name, { kind: 'link', person }, alongside) : await incidents.confirmRecovery(incident, found.person.name, person, alongside)
      if (lost !== undefined) return refusal(lost, address, true)
      const title = await titleOf(incident)
      const lines = title?.lines ?? []
      if (outcome.kind === 'done') return { kind: 'done', heading: fill(what === 'yes' ? page().done : page().recoveryDone, { person: found.person.name, at: localText(context.plan.zone, now) }), lines: [...lines, page().next] }
      return { kind: outcome.code === 'acknowledged-already' ? 'already' : 'gone', heading: outcome.message, lines }
    },
  }
}
