/** The routes file as a plain Alertmanager would load it: what `amtool config` shows and walks. */
import { parse, stringify } from 'yaml'
import { z } from 'zod'

const receiver = z.looseObject({ name: z.string(), webhook_configs: z.array(z.looseObject({ url: z.string() })).nullish() })
const shape = z.looseObject({ receivers: z.array(receiver).nullish() })

/**
 * Leaves our own targets (`to`) out, which Alertmanager does not know, and of webhook addresses all but scheme and
 * host: their paths are often secrets. `text` is a file that parseRouteFile has accepted.
 */
export function alertmanagerText(text: string): string {
  const file = shape.parse(withoutEmpty(parse(text, { schema: 'failsafe' })))
  const receivers = (file.receivers ?? []).map((one) => ({
    name: one.name,
    ...(one.webhook_configs == null ? {} : { webhook_configs: one.webhook_configs.map((hook) => ({ ...hook, url: maskedUrl(hook.url) })) }),
  }))
  // Quoted throughout: what is text for one YAML reader may be a number for another. Booleans must stay bare.
  const quoted = stringify({ ...file, receivers }, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0 })
  return quoted.replace(/^(\s*(?:- )?(?:continue|send_resolved): )"(\w+)"$/gm, '$1$2').replace(/^(\s*(?:- )?max_alerts: )"(\d+)"$/gm, '$1$2')
}

/** An empty value means "not given", and Alertmanager reads no list in an empty text; only matched labels may be empty. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]: [string, unknown]) => (/(^|_)match(_re)?$/.test(key) && inner !== '' ? [[key, inner]] : inner === '' ? [] : [[key, withoutEmpty(inner)]])),
  )
}

function maskedUrl(text: string): string {
  const url = URL.parse(text)
  return url === null ? 'http://masked/' : `${url.origin}/masked`
}
