/**
 * Text to GBK, which many SMS gateways want. The platform decodes GBK but does not encode it; its decoder, asked for
 * every double byte once, gives the table.
 */
let table: ReadonlyMap<string, number> | undefined

/** Two bytes by character, both ranges of lead and trail bytes as GBK has them. Made on first use, 24 000 entries. */
function doubleBytes(): ReadonlyMap<string, number> {
  if (table !== undefined) return table
  const decoder = new TextDecoder('gbk', { fatal: true })
  const made = new Map<string, number>()
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    for (let trail = 0x40; trail <= 0xfe; trail++) {
      if (trail === 0x7f) continue
      let char: string
      try {
        char = decoder.decode(Uint8Array.of(lead, trail))
      } catch {
        // A double byte that stands for nothing.
        continue
      }
      // Some characters have two codes; the lower one is the older and is what everyone has.
      if (!made.has(char)) made.set(char, lead * 256 + trail)
    }
  }
  table = made
  return made
}

/** GBK bytes; what GBK does not have becomes ?. */
export function encodeGbk(text: string): Buffer {
  const codes = doubleBytes()
  const bytes: number[] = []
  for (const char of text) {
    const point = char.codePointAt(0) ?? 0x3f
    if (point < 0x80) {
      bytes.push(point)
      continue
    }
    const code = codes.get(char)
    if (code === undefined) bytes.push(0x3f)
    else bytes.push(code >> 8, code & 0xff)
  }
  return Buffer.from(bytes)
}
