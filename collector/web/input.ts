/** Bodies and parameters, parsed once into a type; what does not fit is answered with 400 and what was wrong. */
import type { Context } from 'hono'
import * as z from 'zod'
import type { WebDependencies } from './dependencies.ts'
import { problem } from './guard.ts'

/** What the schemas do not say in words of their own. */
const inChinese = z.locales.zhCN().localeError

/** The JSON body as `schema` says, or the reply to give instead, which is counted. */
export async function jsonBody<T>(context: Context, schema: z.ZodType<T>, deps: Pick<WebDependencies, 'refused'>): Promise<T | Response> {
  let input: unknown
  try {
    input = JSON.parse(await context.req.text())
  } catch {
    deps.refused('request', 'malformed')
    return problem(context, 400, 'malformed', '请求内容不是有效的 JSON')
  }
  const result = schema.safeParse(input, { error: inChinese })
  if (result.success) return result.data
  deps.refused('request', 'malformed')
  const where = result.error.issues.map((issue) => `${issue.path.map(String).join('.') || '(top)'}: ${issue.message}`).join('; ')
  return problem(context, 400, 'malformed', `请求内容不符合要求：${where}`)
}

/** A whole-number query parameter within bounds, or `fallback` when it is missing; undefined when it is not one. */
export function wholeNumber(text: string | undefined, fallback: number, max: number): number | undefined {
  if (text === undefined) return fallback
  const value = Number(text)
  return /^\d{1,9}$/.test(text) && value >= 1 ? Math.min(value, max) : undefined
}
