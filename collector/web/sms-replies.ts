/**
 * The door at which SMS gateways tell what people answered: POST /sms-replies/CHANNEL. Whoever does not show the channel's
 * secret learns nothing, not even whether there is such a channel, and after some tries waits; a gateway that shows it is
 * let in even from an address where others try.
 */
import { createAttempts } from '../access/attempts.ts'
import type { SmsAnswer } from '../duty/acknowledge.ts'
import type { Channel } from '../notify/channel.ts'
import { fullBucket, take } from '../notify/pace.ts'
import type { Bucket } from '../notify/pace.ts'

/** Wrong secrets of one address within the window. */
const WRONG = { failures: 20, windowMs: 600_000, addresses: 10_000 }
/** Most posts a minute of one gateway. */
const PER_MINUTE = 600
/** Largest post, bytes. */
export const MOST_REPLY_BYTES = 64 * 1024

/** One post. */
export interface ReplyCall {
  readonly channel: string
  /** The last part of the path; undefined: there is none. */
  readonly inPath: string | undefined
  readonly address: string
  header(name: string): string | undefined
  body(): Promise<Uint8Array | 'oversized' | 'cut-off'>
}

/** What the gateway is told. */
export interface ReplyAnswer {
  readonly status: 200 | 400 | 404 | 413 | 429
  readonly text: string
  readonly retryAfterMs?: number
}

export interface SmsReplyDependencies {
  take(call: ReplyCall): Promise<ReplyAnswer>
}

export interface SmsReplyParts {
  readonly channels: readonly Pick<Channel, 'name' | 'push'>[]
  answered(channel: string, answer: SmsAnswer): Promise<unknown>
  now(): number
  /** Counts what was refused at the door. */
  refused(what: string, code: string): void
}

/** Opens the door of every channel that has one. */
export function smsReplies(parts: SmsReplyParts): SmsReplyDependencies {
  const doors = new Map(parts.channels.flatMap(({ name, push }) => (push === undefined ? [] : [[name, push] as const])))
  const buckets = new Map<string, Bucket>()
  const wrong = createAttempts(WRONG)
  const refuse = (status: ReplyAnswer['status'], code: string, retryAfterMs?: number): ReplyAnswer => {
    parts.refused('sms-reply', code)
    return { status, text: `${code}\n`, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  }
  return {
    async take(call) {
      const now = parts.now()
      const door = doors.get(call.channel)
      if (door === undefined || !door.admits((name) => call.header(name), call.inPath)) {
        const waitMs = wrong.waitMs(call.address, now)
        if (waitMs > 0) return refuse(429, 'too-many', waitMs)
        wrong.failed(call.address, now)
        return refuse(404, 'not-found')
      }
      const { bucket, waitMs } = take(buckets.get(call.channel) ?? fullBucket(PER_MINUTE, now), PER_MINUTE, now)
      buckets.set(call.channel, bucket)
      if (waitMs > 0) return refuse(429, 'too-many', waitMs)
      const body = await call.body()
      if (body === 'oversized') return refuse(413, 'oversized')
      if (body === 'cut-off') return refuse(400, 'cut-off')
      const replies = door.read(body)
      if (replies === undefined) return refuse(400, 'malformed')
      // What fails here is an internal error: the gateway hears it and sends all of them again, and those taken are known.
      for (const reply of replies) await parts.answered(call.channel, reply)
      return { status: 200, text: door.answer }
    },
  }
}
