import { z } from 'zod'
import { parseDurationMs } from '../protocol/settings.ts'

/**
 * A duration of collector.yml, as milliseconds. `least` is the shortest time that makes sense, so that a slip of the pen
 * is no busy loop. The meaning stands in `meta`: scripts/docs.ts makes docs/settings.md of it.
 */
export const duration = (text: string, least: string, description: string) =>
  z
    .string()
    .default(text)
    .transform((value, context) => {
      const ms = parseDurationMs(value)
      if (ms === undefined) context.addIssue({ code: 'custom', message: 'expected a duration with a unit such as 15s, 5m, 24h' })
      else if (ms < (parseDurationMs(least) ?? 0)) context.addIssue({ code: 'custom', message: `expected at least ${least}` })
      return ms ?? 0
    })
    .meta({ description, kind: `duration, at least ${least}` })
