/**
 * The `notify` part of collector.yml: the channels there are, and who is told. Strict; mistakes are reported by the key
 * path (see protocol/settings.ts). Secrets are named by file or environment variable and read when a channel opens.
 */
import { z } from 'zod'
import { addressOf, channelSettings, mailbox, phone } from './channel-settings.ts'

/** Who is told. One receiver gets one message, addressed to all its mailboxes; an SMS goes to each phone by itself. */
const receiver = z.strictObject({
  name: z.string().regex(/^[\p{L}\p{N}_. -]{1,64}$/u, 'expected a name of letters, digits, spaces, . _ -').meta({ description: 'Name of the receiver, one of its own for each.' }),
  channel: z.string().min(1).meta({ description: 'Name of the channel that reaches it, one of notify.channels.' }),
  addresses: z.array(z.string()).max(50).default([]).meta({ description: 'Mail addresses or phone numbers, as the channel needs; none for robots and webhooks.' }),
  minSeverity: z.enum(['info', 'warning', 'critical']).default('warning').meta({ description: 'Least severity that is told.' }),
  // As Alertmanager's email_config: no.
  sendResolved: z.boolean().default(false).meta({ description: 'Whether recovery is told too, and a return of the fault after it.' }),
})

const checks = { mailbox, phone } as const

/** Schema of the key `notify`; without the key nobody is told. */
export const notifySettings = z
  .strictObject({
    channels: z.record(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected a name of small letters, digits and -'), channelSettings).default({}),
    receivers: z
      .array(receiver)
      .max(200)
      .default([])
      .superRefine((list, context) => {
        for (const [index, one] of list.entries()) {
          if (list.findIndex((other) => other.name === one.name) < index) {
            context.addIssue({ code: 'custom', path: [index, 'name'], message: 'expected a name of its own for each receiver' })
          }
        }
      }),
    consoleUrl: z.url({ protocol: /^https?$/ }).optional().meta({ description: 'Address of the console as people reach it, put into messages in full detail; without it messages carry no link.' }),
    serviceAliases: z.record(z.string(), z.string().min(1).max(20)).default({}).meta({ description: 'What a service is called in messages of minimal detail, by its id; else its name in the catalogue of wording.', kind: 'map of texts' }),
  })
  .superRefine((value, context) => {
    for (const [index, one] of value.receivers.entries()) {
      const issue = (path: readonly PropertyKey[], message: string): void => context.addIssue({ code: 'custom', path: ['receivers', index, ...path], message })
      const channel = Object.hasOwn(value.channels, one.channel) ? value.channels[one.channel] : undefined
      if (channel === undefined) {
        issue(['channel'], `expected one of notify.channels (${Object.keys(value.channels).join(', ') || 'there is none'})`)
        continue
      }
      const kind = addressOf[channel.kind]
      if (kind === 'none') {
        if (one.addresses.length > 0) issue(['addresses'], `expected none: a ${channel.kind} channel is an address itself`)
        continue
      }
      if (one.addresses.length === 0) issue(['addresses'], 'expected at least one address')
      for (const [place, address] of one.addresses.entries()) {
        const result = checks[kind].safeParse(address)
        if (!result.success) issue(['addresses', place], result.error.issues[0]?.message ?? 'expected an address')
      }
    }
  })
  .prefault({})

/** `notify` of collector.yml, parsed. */
export type NotifySettings = z.infer<typeof notifySettings>
/** One receiver. */
export type Receiver = z.infer<typeof receiver>
