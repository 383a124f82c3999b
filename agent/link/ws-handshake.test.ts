import { expect, test } from 'vitest'
import { acceptOf, readAnswer, upgradeRequest } from './ws-handshake.ts'

/** Key and answer of RFC 6455 section 1.3. */
const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const good = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'
const read = (text: string) => readAnswer(Buffer.from(text, 'latin1'), key)

test('the accept value of the RFC, and the request', () => {
  expect(acceptOf(key)).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  expect(upgradeRequest('h:1', '/link', key)).toMatch(/^GET \/link HTTP\/1\.1\r\nHost: h:1\r\n(?:[^\r\n]+\r\n)+\r\n$/)
})

test('frames begin behind the empty line, wherever the answer is cut', () => {
  expect(read(`${good}xyz`)).toEqual({ kind: 'open', at: good.length })
  for (let length = 0; length < good.length; length++) expect(read(good.slice(0, length))).toEqual({ kind: 'more' })
})

test.each([
  ['another status', good.replace('101 Switching Protocols', '503 Service Unavailable'), '503'],
  ['no HTTP', `SSH-2.0-x\r\n\r\n`, 'not HTTP'],
  ['HTTP/1.0', good.replace('HTTP/1.1', 'HTTP/1.0'), 'not HTTP/1.1'],
  ['another upgrade', good.replace('WebSocket', 'h2c'), 'something else'],
  ['no upgrade of the connection', good.replace('keep-alive, Upgrade', 'keep-alive'), 'does not upgrade'],
  ['the answer to another key', good.replace('s3pP', 'S3PP'), 'another request'],
  ['an extension', good.replace('\r\n\r\n', '\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n'), 'extension'],
  ['a protocol', good.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: chat\r\n\r\n'), 'protocol'],
  ['no end', 'HTTP/1.1 101 x\r\n'.padEnd(20_000, 'a'), '16384 bytes'],
])('%s is refused', (_what, text, why) => {
  const answer = read(text)
  expect(answer.kind).toBe('refused')
  expect(answer).toHaveProperty('why', expect.stringContaining(why))
})
