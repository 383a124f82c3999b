/**
 * The `notify` part of collector.yml: the channels there are, and which file says who is told by them. Strict; mistakes
 * are reported by the key path (see protocol/settings.ts). Secrets are named by file or environment variable and read
 * when a channel opens.
 */
import { z } from 'zod'
import { duration } from '../duration-setting.ts'
import { channelSettings } from './channel-settings.ts'
import { externalAlertmanagerSettings } from './external-alertmanager.ts'

/** Schema of the key `notify`; without channels nobody is told. */
export const notifySettings = z
  .strictObject({
    channels: z.record(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected a name of small letters, digits and -'), channelSettings).default({}),
    routesFile: z.string().min(1).optional().meta({ description: 'Another routing file (who is told of what, when and by which channel) than the shipped alerts/routes.yml.', path: true }),
    alertmanagers: z.array(externalAlertmanagerSettings).max(16).default([]).superRefine((list, context) => {
      for (const [index, one] of list.entries()) {
        if (list.findIndex((other) => other.url === one.url) < index) context.addIssue({ code: 'custom', path: [index, 'url'], message: 'expected an address of its own for each' })
      }
    }),
    decisionRetention: duration('90d', '1d', 'How long it can be explained why a message went or did not go: decisions of routing, ended silences and alerts that are over.'),
    consoleUrl: z.url({ protocol: /^https?$/ }).optional().meta({ description: 'Address of the console as people reach it, put into messages in full detail; without it messages carry no link.' }),
    serviceAliases: z.record(z.string(), z.string().min(1).max(20)).default({}).meta({ description: 'What a service is called in messages of minimal detail, by its id; else its name in the catalogue of wording.', kind: 'map of texts' }),
  })
  .prefault({})

/** `notify` of collector.yml, parsed. */
export type NotifySettings = z.infer<typeof notifySettings>
