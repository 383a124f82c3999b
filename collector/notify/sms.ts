/** What the kinds of SMS have in common: one phone at a time, few to one person, and answers added up. */
import type { SettingsOf } from './channel-settings.ts'
import type { Message, Rejection, SendOutcome } from './channel.ts'
import type { DigestPolicy } from './digest.ts'

/** What came of one phone. */
export type PhoneOutcome =
  | { readonly kind: 'taken'; readonly detail: string }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'later'; readonly why: string; readonly channelDown: boolean; readonly unsure: boolean; readonly afterMs?: number }

/** How many SMS one person gets; the last of a window is kept for the opening of a critical incident. */
export function perPerson(settings: SettingsOf<'sms-http' | 'sms-aliyun'>): DigestPolicy {
  return { by: 'person', windows: [{ max: settings.perPerson, ms: settings.perPersonWindow }], gatherMs: settings.gather, aloneUpTo: 1, reserved: settings.perPerson > 1 ? 1 : 0 }
}

/** Sends to each phone in turn. A channel that is down is not asked for the rest of them. */
export async function eachPhone(message: Message, sendOne: (phone: string) => Promise<PhoneOutcome>): Promise<SendOutcome> {
  const taken: string[] = []
  const details: string[] = []
  const refused: Rejection[] = []
  const again: Rejection[] = []
  let channelDown = false
  let unsure = false
  let afterMs: number | undefined
  for (const phone of message.to) {
    const outcome: PhoneOutcome = channelDown ? { kind: 'later', why: 'not tried: the channel is down', channelDown, unsure: false } : await sendOne(phone)
    switch (outcome.kind) {
      case 'taken':
        taken.push(phone)
        details.push(outcome.detail)
        break
      case 'refused':
        refused.push({ address: phone, why: outcome.why })
        break
      case 'later':
        again.push({ address: phone, why: outcome.why })
        channelDown ||= outcome.channelDown
        unsure ||= outcome.unsure
        if (outcome.afterMs !== undefined) afterMs = Math.max(afterMs ?? 0, outcome.afterMs)
    }
  }
  if (taken.length > 0) return { kind: 'delivered', to: taken, detail: details.join('; ').slice(0, 1_000), refused, again }
  if (again.length === 0) return { kind: 'refused', why: refused[0]?.why ?? 'no phone number' }
  return { kind: 'try-again', why: again[0]?.why ?? '', channelDown, unsure, ...(afterMs === undefined ? {} : { afterMs }) }
}
