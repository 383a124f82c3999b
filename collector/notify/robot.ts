/**
 * What the group robots have in common: one JSON request, an answer with a code (HTTP 200 even where it failed), and no
 * way to be asked without sending. So health is: the last answer did not blame the robot's own settings, and the service
 * can be reached.
 */
import type { Channel, Detail, Health, Message, SendOutcome } from './channel.ts'
import type { DigestPolicy } from './digest.ts'
import type { HttpAsk, HttpCall, HttpOutcome } from './http-call.ts'
import { withoutSecrets } from './secret.ts'

/** What an answer's code means. `afterMs`: how long the service wants no more. */
export type Verdict = { readonly kind: 'taken' } | { readonly kind: 'refused' } | { readonly kind: 'busy'; readonly afterMs: number } | { readonly kind: 'misconfigured' } | { readonly kind: 'unknown' }

/** How one robot differs from another. */
export interface Robot {
  readonly name: string
  readonly perMinute: number
  readonly detail: Detail
  readonly digest: DigestPolicy
  readonly url: string
  readonly secrets: readonly string[]
  ask(message: Message): HttpAsk
  /** Field of the answer with the code, and what a code means. */
  readonly codeField: 'errcode' | 'code'
  readonly textField: 'errmsg' | 'msg'
  verdict(code: number): Verdict
}

/** Rate windows get a little more than the documented minute: requests may bunch on their way. */
export const MINUTE_WITH_MARGIN_MS = 63_000
/** More messages than this that wait at once go to a robot as one. */
export const ALONE_UP_TO = 3

/** The channel of a robot. */
export function openRobot(robot: Robot, call: HttpCall): Channel {
  /** Why the last answer says that the robot cannot work until someone mends it. */
  let fault: string | undefined
  const cleaned = (text: string): string => oneLine(withoutSecrets(text, robot.secrets))
  return {
    name: robot.name,
    perMinute: robot.perMinute,
    detail: robot.detail,
    digest: robot.digest,
    async send(message, signal): Promise<SendOutcome> {
      const outcome = await call(robot.ask(message), signal)
      const { answer, down } = judge(outcome, robot, message.to, cleaned)
      if (answer.kind === 'delivered') fault = undefined
      else if (down !== undefined) fault = down
      return answer
    },
    async check(signal) {
      if (fault !== undefined) return { kind: 'down', why: fault }
      return reachable(call, robot.url, signal)
    },
    close: () => undefined,
  }
}

function judge(outcome: HttpOutcome, robot: Robot, to: readonly string[], cleaned: (text: string) => string): { readonly answer: SendOutcome; readonly down?: string } {
  if (outcome.kind === 'failed') return { answer: { kind: 'try-again', why: cleaned(outcome.why), channelDown: true, unsure: outcome.sent } }
  const { status } = outcome
  if (status === 429) return { answer: { kind: 'try-again', why: `HTTP ${status}`, channelDown: false, ...(outcome.retryAfterMs === undefined ? {} : { afterMs: outcome.retryAfterMs }) } }
  const text = outcome.body.toString('utf8')
  const code = codeOf(text, robot.codeField)
  if (code === undefined) {
    const why = cleaned(`HTTP ${status}: ${text}`)
    return { answer: { kind: 'try-again', why, channelDown: true, unsure: status >= 200 && status < 300 } }
  }
  const why = cleaned(`${robot.codeField} ${code}: ${messageOf(text, robot.textField)}`)
  const verdict = robot.verdict(code)
  switch (verdict.kind) {
    case 'taken':
      return { answer: { kind: 'delivered', to, detail: why, refused: [], again: [] } }
    case 'refused':
      return { answer: { kind: 'refused', why } }
    case 'busy':
      return { answer: { kind: 'try-again', why, channelDown: false, afterMs: verdict.afterMs } }
    case 'misconfigured':
      return { answer: { kind: 'try-again', why, channelDown: true }, down: why }
    case 'unknown':
      return { answer: { kind: 'try-again', why, channelDown: status >= 500 } }
  }
}

/** Whether anything at all answers HTTP there; what it says does not matter. */
export async function reachable(call: HttpCall, url: string, signal: AbortSignal): Promise<Health> {
  const outcome = await call({ method: 'GET', url: new URL(url).origin }, signal)
  if (outcome.kind === 'failed') return { kind: 'down', why: outcome.why }
  return outcome.status >= 500 ? { kind: 'down', why: `HTTP ${outcome.status}` } : { kind: 'up' }
}

function field(text: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  } catch {
    // Not JSON at all: there is no such field in it.
    return undefined
  }
}

function codeOf(text: string, name: string): number | undefined {
  const code = field(text, name)
  return typeof code === 'number' && Number.isInteger(code) ? code : undefined
}

function messageOf(text: string, name: string): string {
  const message = field(text, name)
  return typeof message === 'string' ? message : ''
}

/** An answer as one short line for a receipt. Secrets are taken out before: half of one is one too. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\s\uFFFD]+/gu, ' ').trim().slice(0, 200)
}

/** The longest beginning of a text that fits into so many bytes of UTF-8, never half a character; cut texts end in …. */
export function cutBytes(text: string, mostBytes: number): string {
  if (Buffer.byteLength(text) <= mostBytes) return text
  let left = mostBytes - Buffer.byteLength('…')
  let kept = ''
  for (const char of text) {
    left -= Buffer.byteLength(char)
    if (left < 0) break
    kept += char
  }
  return `${kept}…`
}
