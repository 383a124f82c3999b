import { addressOf } from './channel-settings.ts'
import { waysOf } from './deliver.ts'
import type { WayWorld } from './deliver.ts'
import type { Integration } from './receiver.ts'

/** Who is behind a target now. `nobody`: why there is none, one sentence. */
export interface TargetPeople {
  readonly people: readonly string[]
  readonly nobody: string | undefined
}

/** Who would be reached, by the same rules as a notification. `whyNobody`: why nobody of that roster is there. */
export function peopleBehind(target: Extract<Integration, { kind: 'channel' }>, world: WayWorld, whyNobody: (roster: string) => string): TargetPeople {
  const kind = world.channelKind(target.channel)
  if (kind === undefined) return { people: [], nobody: `没有配置渠道 ${target.channel}` }
  if (addressOf[kind] === 'none') return { people: [], nobody: undefined }
  const ways = waysOf(target, world)
  const people = ways.flatMap((way) => way.person?.name ?? [])
  if (ways.length > 0) return { people, nobody: undefined }
  const { roster } = target
  if (roster !== undefined && world.recipients([roster]).people.length === 0) return { people, nobody: whyNobody(roster) }
  return { people, nobody: roster === undefined && target.people.length === 0 ? '没有写明接收人' : `没有人登记了${addressOf[kind] === 'phone' ? '手机号' : '邮箱'}` }
}
