/**
 * Files that people add to an incident. What a file is, its first bytes say; a name or a claimed type that says
 * something else is refused, and nothing is ever shown inside a page: it is handed out as a download.
 */
import { createHash } from 'node:crypto'
import type { StateTransaction } from '../state/open.ts'
import type { Attachment } from './event.ts'
import type { Reader } from './storage.ts'

/** Largest file, bytes. */
export const ATTACHMENT_BYTES = 10 * 1024 * 1024

/** Types that are taken, with the endings their names have. */
const types: Readonly<Record<string, readonly string[]>> = {
  'image/png': ['png'],
  'image/jpeg': ['jpg', 'jpeg'],
  'image/webp': ['webp'],
  'application/pdf': ['pdf'],
  'application/zip': ['zip'],
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': ['docx'],
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': ['xlsx'],
  'text/plain': ['txt', 'log'],
  'text/csv': ['csv'],
}

/** A file as it came in. `type` is what the sender claims. */
export interface NewAttachment {
  readonly name: string
  readonly type: string
  readonly bytes: Uint8Array
}

/** What a check found: what is to be kept, or why not. */
export type AttachmentCheck =
  | { readonly kind: 'ok'; readonly file: Omit<Attachment, 'id'> }
  | { readonly kind: 'refused'; readonly code: 'file-empty' | 'file-too-large' | 'file-name' | 'file-type' | 'file-differs' }

/** Checks name, size, and that the bytes are what name and type claim. Pure. */
export function checkAttachment({ name, type, bytes }: NewAttachment): AttachmentCheck {
  // A path is the sender's business, and control characters and bidirectional marks make names lie.
  const clean = (name.split(/[/\\]/).at(-1) ?? '').replaceAll(/[\p{Cc}\p{Cf}]/gu, '').trim()
  if (bytes.length === 0) return { kind: 'refused', code: 'file-empty' }
  if (bytes.length > ATTACHMENT_BYTES) return { kind: 'refused', code: 'file-too-large' }
  const ending = /\.([a-z0-9]+)$/i.exec(clean)?.[1]?.toLowerCase()
  if (ending === undefined || clean.length > 200) return { kind: 'refused', code: 'file-name' }
  const claimed = type.split(';')[0]?.trim().toLowerCase() ?? ''
  const endings = types[claimed]
  if (endings === undefined) return { kind: 'refused', code: 'file-type' }
  if (!endings.includes(ending) || !looksLike(claimed, bytes)) return { kind: 'refused', code: 'file-differs' }
  return { kind: 'ok', file: { name: clean, type: claimed, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') } }
}

/** Signatures: PNG (W3C PNG 5.2), JPEG (T.81 SOI), WebP (RIFF container), PDF (ISO 32000 7.5.2), ZIP (APPNOTE 4.3.7). */
function looksLike(type: string, bytes: Uint8Array): boolean {
  const starts = (...signature: readonly number[]): boolean => signature.every((byte, index) => bytes[index] === byte)
  const ascii = (from: number, text: string): boolean => Buffer.from(bytes.subarray(from, from + text.length)).toString('latin1') === text
  const zip = starts(0x50, 0x4b, 0x03, 0x04)
  switch (type) {
    case 'image/png':
      return starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
    case 'image/jpeg':
      return starts(0xff, 0xd8, 0xff)
    case 'image/webp':
      return ascii(0, 'RIFF') && ascii(8, 'WEBP')
    case 'application/pdf':
      return ascii(0, '%PDF-')
    case 'application/zip':
      return zip
    case 'application/vnd.openxmlformats-officedocument.wordprocessingml.document':
      return zip && contains(bytes, 'word/')
    case 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet':
      return zip && contains(bytes, 'xl/')
    default:
      return isText(bytes)
  }
}

const contains = (bytes: Uint8Array, text: string): boolean => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(text)

/** UTF-8 without control characters other than tab, line feed and carriage return. */
function isText(bytes: Uint8Array): boolean {
  if (bytes.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)) return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** Headers under which a file is handed out: saved, never rendered, whatever a browser thinks it is. RFC 6266, 5987. */
export function downloadHeaders(file: Pick<Attachment, 'name' | 'sizeBytes'>): Readonly<Record<string, string>> {
  const encoded = encodeURIComponent(file.name).replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  return {
    'content-type': 'application/octet-stream',
    'content-length': String(file.sizeBytes),
    'content-disposition': `attachment; filename*=UTF-8''${encoded}`,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cache-control': 'private, no-store',
  }
}

/** Stores a checked file; equal contents are kept once. */
export async function storeAttachment(trx: StateTransaction, incidentId: number, file: Attachment, bytes: Uint8Array, by: string, now: number): Promise<void> {
  await trx.insertInto('attachment_content').values({ sha256: file.sha256, content: bytes }).onConflict((conflict) => conflict.column('sha256').doNothing()).execute()
  await trx.insertInto('attachment').values({ id: file.id, incident_id: incidentId, name: file.name, type: file.type, size_bytes: file.sizeBytes, sha256: file.sha256, added_at: now, added_by: by }).execute()
}

/** The id of the next file. */
export async function nextAttachmentId(trx: StateTransaction): Promise<number> {
  return ((await trx.selectFrom('attachment').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst())?.id ?? 0) + 1
}

/** A file with its bytes, if it belongs to that incident. Throws when what is stored is not what was added. */
export async function readAttachment(db: Reader, incidentId: number, id: number): Promise<{ readonly file: Attachment; readonly bytes: Uint8Array } | undefined> {
  const row = await db
    .selectFrom('attachment')
    .innerJoin('attachment_content', 'attachment_content.sha256', 'attachment.sha256')
    .select(['attachment.id', 'name', 'type', 'size_bytes', 'attachment.sha256', 'content'])
    .where('attachment.id', '=', id)
    .where('incident_id', '=', incidentId)
    .executeTakeFirst()
  if (row === undefined) return undefined
  if (createHash('sha256').update(row.content).digest('hex') !== row.sha256) throw new Error(`incidents: attachment ${id} is not what was stored under ${row.sha256}`)
  return { file: { id: row.id, name: row.name, type: row.type, sizeBytes: row.size_bytes, sha256: row.sha256 }, bytes: row.content }
}
