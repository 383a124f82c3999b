/**
 * Generic webhook: POST of Alertmanager's payload. 2xx is taken; 5xx and 429 are tried again, not before Retry-After;
 * 401, 403 and redirects are the operator's to mend, so the message waits; anything else is refused for good.
 */
import type { ChannelKind, Detail, SendOutcome } from './channel.ts'
import { openHttp } from './http-call.ts'
import type { HttpOutcome } from './http-call.ts'
import { oneLine, reachable } from './robot.ts'
import { readSecret, withoutSecrets } from './secret.ts'
import { truncated } from './webhook-payload.ts'

/** The registry's entry. */
export const webhook: ChannelKind<'webhook'> = {
  kind: 'webhook',
  open(name, settings, world, timeoutMs) {
    const key = `notify.channels.${name}`
    const call = openHttp(key, settings, world, timeoutMs)
    const bearer = readSecret(`${key}.bearer`, settings.bearerFile, settings.bearerEnv, world)
    const password = readSecret(`${key}.password`, settings.passwordFile, settings.passwordEnv, world)
    const authorization = bearer !== undefined ? `Bearer ${bearer}` : settings.user !== undefined ? `Basic ${Buffer.from(`${settings.user}:${password ?? ''}`).toString('base64')}` : undefined
    const secrets = [bearer, password, authorization].filter((one) => one !== undefined)
    const detail: Detail = settings.detail
    return {
      name, detail,
      perMinute: settings.perMinute,
      async send(message, signal) {
        const body = Buffer.from(JSON.stringify(truncated(message.webhook, settings.maxAlerts)))
        const headers = { 'Content-Type': 'application/json', ...(authorization === undefined ? {} : { Authorization: authorization }) }
        const outcome = await call({ method: 'POST', url: settings.url, headers, body }, signal)
        return judge(outcome, message.to, (text) => oneLine(withoutSecrets(text, secrets)))
      },
      check: (signal) => reachable(call, settings.url, signal),
      close: () => undefined,
    }
  },
}

function judge(outcome: HttpOutcome, to: readonly string[], cleaned: (text: string) => string): SendOutcome {
  if (outcome.kind === 'failed') return { kind: 'try-again', why: cleaned(outcome.why), channelDown: true, unsure: outcome.sent }
  const { status, retryAfterMs } = outcome
  const why = cleaned(`HTTP ${status}: ${outcome.body.toString('utf8')}`)
  if (status >= 200 && status < 300) return { kind: 'delivered', to, detail: why, refused: [], again: [] }
  const after = retryAfterMs === undefined ? {} : { afterMs: retryAfterMs }
  if (status === 429) return { kind: 'try-again', why, channelDown: false, ...after }
  if (status >= 500) return { kind: 'try-again', why, channelDown: true, ...after }
  if (status === 401 || status === 403 || status === 407 || (status >= 300 && status < 400)) return { kind: 'try-again', why, channelDown: true }
  return { kind: 'refused', why }
}
