import { channelSettings } from './channel-settings.ts'
import type { ChannelSettings } from './channel-settings.ts'
import type { Channel, ChannelKind, ChannelWorld } from './channel.ts'
import { dingtalk } from './dingtalk.ts'
import { feishu } from './feishu.ts'
import type { NotifySettings } from './settings.ts'
import { smsAliyun } from './sms-aliyun.ts'
import { smsHttp } from './sms-http.ts'
import { smtp } from './smtp.ts'
import { webhook } from './webhook.ts'
import { wecom } from './wecom.ts'

/** Every way to reach people. A new one is its file, its settings, a line here and one in `openChannel`. */
export const channelKinds = [smtp, smsHttp, smsAliyun, wecom, dingtalk, feishu, webhook] as const satisfies readonly (
  | ChannelKind<'email'>
  | ChannelKind<'sms-http'>
  | ChannelKind<'sms-aliyun'>
  | ChannelKind<'wecom'>
  | ChannelKind<'dingtalk'>
  | ChannelKind<'feishu'>
  | ChannelKind<'webhook'>
)[]

/** Opens one channel. Throws SettingsError for one that cannot work. `timeoutMs` in place of the settings' timeout. */
export function openChannel(name: string, settings: ChannelSettings, world: ChannelWorld, timeoutMs?: number): Channel {
  switch (settings.kind) {
    case 'email':
      return smtp.open(name, settings, world, timeoutMs)
    case 'sms-http':
      return smsHttp.open(name, settings, world, timeoutMs)
    case 'sms-aliyun':
      return smsAliyun.open(name, settings, world, timeoutMs)
    case 'wecom':
      return wecom.open(name, settings, world, timeoutMs)
    case 'dingtalk':
      return dingtalk.open(name, settings, world, timeoutMs)
    case 'feishu':
      return feishu.open(name, settings, world, timeoutMs)
    case 'webhook':
      return webhook.open(name, settings, world, timeoutMs)
  }
}

/** Opens the channels that the settings configure. Throws SettingsError for one that cannot work. */
export function openChannels(settings: Pick<NotifySettings, 'channels'>, world: ChannelWorld): readonly Channel[] {
  return Object.entries(settings.channels).map(([name, one]) => openChannel(name, one, world))
}

/** A channel for a `webhook_configs` entry of Alertmanager's, which names its address where it is used. */
export function openWebhookAt(name: string, url: string, maxAlerts: number, world: ChannelWorld): Channel {
  return openChannel(name, channelSettings.parse({ kind: 'webhook', url, maxAlerts }), world)
}
