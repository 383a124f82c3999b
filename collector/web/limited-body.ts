/** A body larger than others may be, read piece by piece and given up on as soon as it is too large. */

/** All bytes of a request; or that there are more than `maxBytes`, or that the sender went away. Never holds more than that. */
export async function limitedBody(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | 'oversized' | 'cut-off'> {
  const told = Number(request.headers.get('content-length') ?? '0')
  // The sender's word is enough to refuse, never enough to trust.
  if (told > maxBytes) return 'oversized'
  if (request.body === null) return new Uint8Array(0)
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader()
  const parts: Uint8Array[] = []
  let size = 0
  for (;;) {
    const piece = await read(reader)
    if (piece === 'cut-off') return piece
    const { done, value } = piece
    if (done) break
    size += value.length
    if (size > maxBytes) {
      await reader.cancel()
      return 'oversized'
    }
    parts.push(value)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** The next piece. A stream breaks where the connection does, which is the sender's affair and no failure of ours. */
async function read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<{ readonly done: false; readonly value: Uint8Array } | { readonly done: true; readonly value?: undefined } | 'cut-off'> {
  try {
    const { done, value } = await reader.read()
    return done ? { done } : { done, value }
  } catch {
    return 'cut-off'
  }
}
