import type { Channel, ChannelKind, ChannelWorld } from './channel.ts'
import type { NotifySettings } from './settings.ts'
import { smtp } from './smtp.ts'

/** Every way to reach people. A new one is its file, its settings and a line here. */
export const channelKinds = [smtp] as const satisfies readonly ChannelKind[]

/** Opens the channels that the settings configure. Throws SettingsError for one that cannot work. */
export function openChannels(settings: NotifySettings, world: ChannelWorld): readonly Channel[] {
  return channelKinds.flatMap((kind) => kind.open(settings, world) ?? [])
}
