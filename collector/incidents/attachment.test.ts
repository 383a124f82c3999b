import { describe, expect, it } from 'vitest'
import { ATTACHMENT_BYTES, checkAttachment, downloadHeaders } from './attachment.ts'

const bytes = (...parts: readonly (string | number[])[]): Uint8Array => Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'utf8') : Buffer.from(part))))
const png = bytes([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], 'IHDR')
const zip = [0x50, 0x4b, 0x03, 0x04]
const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'

describe('checkAttachment', () => {
  it('[21] takes what its bytes, its name and its type agree on, and hashes it', () => {
    expect(checkAttachment({ name: 'a.png', type: 'image/png', bytes: png })).toEqual({ kind: 'ok', file: { name: 'a.png', type: 'image/png', sizeBytes: png.length, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } })
    expect(checkAttachment({ name: '日志.LOG', type: 'text/plain; charset=utf-8', bytes: bytes('出错\t1\r\n') })).toMatchObject({ kind: 'ok', file: { name: '日志.LOG' } })
    expect(checkAttachment({ name: 'r.docx', type: docx, bytes: bytes(zip, 'word/document.xml') })).toMatchObject({ kind: 'ok' })
    expect(checkAttachment({ name: 'w.webp', type: 'image/webp', bytes: bytes('RIFF', [0, 0, 0, 0], 'WEBP') })).toMatchObject({ kind: 'ok' })
    expect(checkAttachment({ name: 'C:\\temp\\..\\x\u202egnp.pdf', type: 'application/pdf', bytes: bytes('%PDF-1.7') })).toMatchObject({ kind: 'ok', file: { name: 'xgnp.pdf' } })
  })

  it.each([
    ['an empty file', 'a.txt', 'text/plain', bytes(), 'file-empty'],
    ['one too large', 'a.txt', 'text/plain', new Uint8Array(ATTACHMENT_BYTES + 1), 'file-too-large'],
    ['a name without ending', 'png', 'image/png', png, 'file-name'],
    ['a page', 'a.html', 'text/html', bytes('<script>'), 'file-type'],
    ['a picture that can act', 'a.svg', 'image/svg+xml', bytes('<svg>'), 'file-type'],
    ['a program called a picture', 'a.png', 'image/png', bytes('MZ'), 'file-differs'],
    ['a picture called a text', 'a.png', 'text/plain', bytes('x'), 'file-differs'],
    ['bytes called a text', 'a.txt', 'text/plain', bytes([0x00, 0x01]), 'file-differs'],
    ['broken UTF-8', 'a.csv', 'text/csv', bytes([0xff, 0xfe, 0x41]), 'file-differs'],
    ['an archive called a document', 'a.docx', docx, bytes(zip, 'xl/workbook.xml'), 'file-differs'],
  ])('refuses %s', (_, name, type, content, code) => {
    expect(checkAttachment({ name, type, bytes: content })).toEqual({ kind: 'refused', code })
  })

  it('is handed out to be saved, never shown', () => {
    expect(downloadHeaders({ name: "a'b 日志.log", sizeBytes: 3 })).toMatchObject({
      'content-type': 'application/octet-stream', 'content-disposition': "attachment; filename*=UTF-8''a%27b%20%E6%97%A5%E5%BF%97.log", 'x-content-type-options': 'nosniff',
    })
  })
})
