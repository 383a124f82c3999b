/**
 * The `notify` part of collector.yml: who is told and by which channel. Strict; mistakes are reported by the key path
 * (see protocol/settings.ts). Secrets are named by file or environment variable and read when a channel opens.
 */
import { z } from 'zod'

/** One mailbox, nothing else: no display name, no list, no header text. Stricter than RFC 5321 on purpose. */
export const mailbox = z
  .string()
  .max(254)
  .regex(/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63})*)$/, 'expected one mail address such as duty@example.org')

/** Who is told. One receiver gets one message, addressed to all its mailboxes. */
const receiver = z.strictObject({
  name: z.string().regex(/^[\p{L}\p{N}_. -]{1,64}$/u, 'expected a name of letters, digits, spaces, . _ -').meta({ description: 'Name of the receiver, one of its own for each.' }),
  email: z.array(mailbox).min(1).max(50).meta({ description: 'Its mail addresses; one message goes to all of them.' }),
  minSeverity: z.enum(['info', 'warning', 'critical']).default('warning').meta({ description: 'Least severity that is told.' }),
  // As Alertmanager's email_config: no.
  sendResolved: z.boolean().default(false).meta({ description: 'Whether recovery is told too, and a return of the fault after it.' }),
})

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

const smtp = z
  .strictObject({
    host: z.string().regex(/^[A-Za-z0-9._:-]{1,253}$/, 'expected a host name or address').meta({ description: 'The mail relay.' }),
    port: z.int('expected a whole number').min(1).max(65_535).default(587).meta({ description: "The relay's port: 587 for STARTTLS, 465 where secure is true." }),
    secure: z.boolean().default(false).meta({ description: 'true: TLS from the first byte (465). false: STARTTLS, and nothing is sent without it.' }),
    plain: z.boolean().default(false).meta({ description: 'true: this relay speaks no TLS and that is accepted. Messages then cross the network readable.' }),
    caFile: z.string().min(1).optional().meta({ description: "PEM file of the authority that signed the relay's certificate, where it is none of the public ones." }),
    user: z.string().min(1).max(256).optional().meta({ description: 'User at the relay; needs a password.' }),
    passwordFile: z.string().min(1).optional().meta({ description: 'File that holds the password.' }),
    passwordEnv: z.string().regex(/^[A-Z_][A-Z0-9_]*$/, 'expected the name of an environment variable').optional().meta({ description: 'Name of the environment variable that holds the password.' }),
    from: mailbox.meta({ description: 'Address that messages come from.' }),
    perMinute: z.int('expected a whole number').min(1).max(10_000).default(30).meta({ description: 'Most messages a minute; more wait.' }),
  })
  .superRefine((value, context) => {
    const issue = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message })
    if (value.plain && value.secure) issue('plain', 'expected false where secure is true')
    if (value.passwordFile !== undefined && value.passwordEnv !== undefined) issue('passwordEnv', 'expected either passwordFile or passwordEnv, not both')
    const secret = value.passwordFile ?? value.passwordEnv
    if (value.user !== undefined && secret === undefined) issue('passwordFile', 'expected passwordFile or passwordEnv where user is given')
    if (value.user === undefined && secret !== undefined) issue('user', 'expected a user where a password is given')
    if (value.plain && value.user !== undefined && !loopback.has(value.host)) {
      issue('user', 'expected no user on a plain relay beyond this machine: the password would cross the network readable')
    }
  })

/** Schema of the key `notify`; without the key nobody is told. */
export const notifySettings = z
  .strictObject({
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
    smtp: smtp.optional(),
    consoleUrl: z.url({ protocol: /^https?$/ }).optional().meta({ description: 'Address of the console as people reach it, put into messages; without it messages carry no link.' }),
  })
  .superRefine((value, context) => {
    if (value.receivers.length > 0 && value.smtp === undefined) {
      context.addIssue({ code: 'custom', path: ['smtp'], message: 'expected the mail relay, since receivers have mail addresses' })
    }
  })
  .prefault({})

/** `notify` of collector.yml, parsed. */
export type NotifySettings = z.infer<typeof notifySettings>
/** One receiver. */
export type Receiver = z.infer<typeof receiver>
/** The mail relay. */
export type SmtpSettings = z.infer<typeof smtp>
