/** Files of incidents: taken as multipart/form-data with one part `file`, handed out as downloads only. */
import type { Hono } from 'hono'
import { ATTACHMENT_BYTES, downloadHeaders } from '../../incidents/attachment.ts'
import type { WebDependencies } from '../dependencies.ts'
import { type WebEnv, may, problem } from '../guard.ts'
import { limitedBody } from '../limited-body.ts'
import type { ShownAfter } from './incidents.ts'

/** What the form around a file may take beside it, bytes. */
const FORM_BYTES = 64 * 1024
/** Files that are taken at the same time; each is in memory while it is checked. */
const AT_ONCE = 4

/** Requests that carry a file, and so may be larger than others. */
export function carriesFile(method: string, path: string): boolean {
  return method === 'POST' && /^\/api\/zhishou\/v1\/incidents\/[^/]+\/attachments$/.test(path)
}

/** Adds files to /incidents. What a file is, the room finds out from its bytes. */
export function incidentFileRoutes(app: Hono<WebEnv>, deps: WebDependencies, after: ShownAfter): void {
  let running = 0
  app.post('/:number/attachments', may('incidents.act', deps), async (context) => {
    if (running >= AT_ONCE) return problem(context, 503, 'busy', '正在接收的文件过多，请稍后再试')
    running++
    try {
      const bytes = await limitedBody(context.req.raw, ATTACHMENT_BYTES + FORM_BYTES)
      if (bytes === 'oversized') {
        deps.refused('request', 'oversized')
        return problem(context, 413, 'oversized', `文件超过 ${ATTACHMENT_BYTES / 1_048_576} MiB`)
      }
      if (bytes === 'cut-off') {
        deps.refused('request', 'cut-off')
        return problem(context, 400, 'cut-off', '文件没有传完，请重试')
      }
      const file = await fileOf(bytes, context.req.header('content-type') ?? '')
      if (file === undefined) {
        deps.refused('request', 'malformed')
        return problem(context, 400, 'malformed', '请求须为 multipart/form-data，且只含一个名为 file 的文件')
      }
      const number = context.req.param('number')
      const outcome = await deps.incidents.attach(number, context.get('caller').user, { name: file.name, type: file.type, bytes: new Uint8Array(await file.arrayBuffer()) })
      return await after(context, outcome, () => number)
    } finally {
      running--
    }
  })
  app.get('/:number/attachments/:file', may('incidents.read', deps), async (context) => {
    const id = context.req.param('file')
    const found = /^\d{1,9}$/.test(id) ? await deps.incidents.attachment(context.req.param('number'), Number(id)) : undefined
    if (found === undefined) return problem(context, 404, 'not-found', '没有这个附件')
    return context.body(new Uint8Array(found.bytes), 200, downloadHeaders(found.file))
  })
}

/** The one file of a form; undefined where it is not a form, or holds anything else. */
async function fileOf(bytes: Uint8Array<ArrayBuffer>, type: string): Promise<File | undefined> {
  if (!/^multipart\/form-data\s*;/i.test(type)) return undefined
  let parts: (readonly [string, string | File])[]
  try {
    parts = [...(await new Response(bytes, { headers: { 'content-type': type } }).formData())]
  } catch {
    // Not a form after all: the reply says so.
    return undefined
  }
  const [first] = parts
  return parts.length === 1 && first?.[0] === 'file' && first[1] instanceof File ? first[1] : undefined
}
