import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'

/**
 * Writes a small file so that a crash leaves either the old content or the new, never a part: a new file beside it
 * (mode 0600 unless said otherwise), flushed, renamed over the old one, the folder flushed. Throws naming the file.
 */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  const next = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const file = openSync(next, 'wx', mode)
    try {
      const bytes = Buffer.from(text, 'utf8')
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(next, path)
    const folder = openSync(dirname(path), 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  } catch (cause) {
    rmSync(next, { force: true })
    throw new Error(`pki: cannot write ${path}`, { cause })
  }
}

/** Text of a file, undefined where there is none. Throws naming the file for anything else (no right, a folder). */
export function readWhole(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new Error(`pki: cannot read ${path}`, { cause })
  }
}

/** The PEM blocks of a text by label: `CERTIFICATE`, `PRIVATE KEY`. Text around the blocks is ignored, as openssl does. */
export function pemBlocks(text: string): readonly { readonly label: string; readonly pem: string }[] {
  const blocks: { label: string; pem: string }[] = []
  for (const match of text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----[A-Za-z0-9+/=\s]*-----END \1-----/g)) {
    blocks.push({ label: match[1] ?? '', pem: `${match[0]}\n` })
  }
  return blocks
}
