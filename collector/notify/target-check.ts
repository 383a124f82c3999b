/** Whether what a receiver names fits the channel it goes by: addresses of its kind, and somebody to reach at all. Pure. */
import { addressOf, mailbox, phone } from './channel-settings.ts'
import type { ChannelKindName } from './channel-settings.ts'
import type { RouteReceiver } from './receiver.ts'

const checks = { mailbox, phone } as const

/** What cannot be reached as it is written, one sentence each. Channels that are not set up are `missingTargets`' to name. */
export function wrongTargets(receivers: Iterable<RouteReceiver>, kindOf: (channel: string) => ChannelKindName | undefined): readonly string[] {
  return [...receivers].flatMap(({ name, integrations }) =>
    integrations.flatMap((one) => {
      if (one.kind !== 'channel') return []
      const kind = kindOf(one.channel)
      if (kind === undefined) return []
      const wrong = (text: string): string => `receiver ${JSON.stringify(name)}: channel ${JSON.stringify(one.channel)}: ${text}`
      const named = one.addresses.length + one.people.length + (one.roster === undefined ? 0 : 1)
      const needs = addressOf[kind]
      if (needs === 'none') return named === 0 ? [] : [wrong(`expected no addresses, people or roster: a ${kind} channel is an address itself`)]
      if (named === 0) return [wrong('expected addresses, people or a roster')]
      return one.addresses.flatMap((address) => {
        const result = checks[needs].safeParse(address)
        return result.success ? [] : [wrong(`${result.error.issues[0]?.message ?? 'expected an address'}, got ${JSON.stringify(address)}`)]
      })
    }),
  )
}
