/** Requests to an SMS gateway from templates: places filled in and escaped for where they stand. Pure. */
import { encodeGbk } from './gbk.ts'

/** How text becomes bytes. */
export type SmsEncoding = 'utf-8' | 'gbk'
/** How the body is written. */
export type BodyType = 'form' | 'json' | 'text'

/** Bytes of a text. */
export function encodeText(text: string, encoding: SmsEncoding): Buffer {
  return encoding === 'gbk' ? encodeGbk(text) : Buffer.from(text, 'utf8')
}

/** Text of bytes; what cannot be read becomes U+FFFD. */
export function decodeText(bytes: Uint8Array, encoding: SmsEncoding): string {
  return new TextDecoder(encoding).decode(bytes)
}

/** Url-encoded by that encoding; only letters, digits and -_.~ stay as they are. */
export function encodeForUrl(text: string, encoding: SmsEncoding): string {
  let encoded = ''
  for (const byte of encodeText(text, encoding)) {
    const char = String.fromCharCode(byte)
    encoded += /[A-Za-z0-9\-_.~]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}

/** Fills `{name}` places with escaped values, once; a place without a value stays as it is (JSON has braces of its own). */
export function fillPlaces(template: string, values: Readonly<Record<string, string>>, escape: (value: string) => string): string {
  return template.replaceAll(/\{([a-zA-Z][a-zA-Z0-9.]*)\}/g, (place, name: string) => (Object.hasOwn(values, name) ? escape(values[name] ?? '') : place))
}

/** How values are escaped in a body. */
export function bodyEscape(type: BodyType, encoding: SmsEncoding): (value: string) => string {
  switch (type) {
    case 'form':
      return (value) => encodeForUrl(value, encoding)
    case 'json':
      return (value) => JSON.stringify(value).slice(1, -1)
    case 'text':
      return (value) => value
  }
}

/** The body's content type. */
export function contentType(type: BodyType, encoding: SmsEncoding): string {
  const name = { form: 'application/x-www-form-urlencoded', json: 'application/json', text: 'text/plain' }[type]
  return `${name}; charset=${encoding}`
}
