import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { HomeError, forgetFirstPassword, openHome, writeFirstRun, writePrivate } from './home.ts'

const work = mkdtempSync(join(tmpdir(), 'zhishou-home-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))
let folders = 0
const fresh = (): string => join(work, `home-${folders++}`)
const modeOf = (path: string): number => statSync(path).mode & 0o777

/** Another process that takes the folder and holds it until it is killed. */
async function holder(home: string): Promise<{ kill(): Promise<void> }> {
  const script = `import { openHome } from ${JSON.stringify(join(import.meta.dirname, 'home.ts'))}; openHome(${JSON.stringify(home)}); console.log('held'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')))
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', (code) => reject(new Error(`the holder ended with ${code}: ${errors}`)))
  })
  return {
    kill() {
      child.kill('SIGKILL')
      return gone
    },
  }
}

describe('openHome', () => {
  it('makes the folder, with its parents, for this user only', () => {
    const path = join(fresh(), 'deep', 'er')
    const home = openHome(path)
    expect(home.path).toBe(path)
    expect(modeOf(path)).toBe(0o700)
    home.release()
  })

  it('closes a folder that was open to others, and leaves no probe behind', () => {
    const path = fresh()
    mkdirSync(path)
    chmodSync(path, 0o755)
    const home = openHome(path)
    expect(modeOf(path)).toBe(0o700)
    expect(readdirSync(path).filter((name) => !name.startsWith('lock.db'))).toEqual([])
    home.release()
  })

  it('says which folder it cannot write and why', () => {
    const file = fresh()
    writeFileSync(file, '')
    // A file where the folder or its parent should be: refused for root too.
    expect(() => openHome(file)).toThrow(new HomeError(`${file}: cannot be written (ENOTDIR); choose another folder with --home DIR or give this user the right`))
    expect(() => openHome(join(file, 'below'))).toThrow(/below: cannot be written \(ENOTDIR\)/)
    // Where the kernel says ENOENT to every name, Node's recursive mkdir would never return.
    expect(() => openHome('/proc/zhishou/deep')).toThrow(HomeError)
  })

  it.skipIf(process.getuid?.() === 0)('says so without the right to write', () => {
    const path = fresh()
    mkdirSync(path, { mode: 0o500 })
    expect(() => openHome(join(path, 'home'))).toThrow(/cannot be written \(EACCES\)/)
  })

  it('is held by one at a time in this process', () => {
    const path = fresh()
    const first = openHome(path)
    expect(() => openHome(path)).toThrow(new HomeError(`${path}: another zhishou collector is running on this folder; stop it first, or choose another with --home DIR`))
    first.release()
    openHome(path).release()
  })

  it('is held by one process, and free again however that one died', async () => {
    const path = fresh()
    const other = await holder(path)
    expect(() => openHome(path)).toThrow(/another zhishou collector is running on this folder/)
    await other.kill()
    openHome(path).release()
  })
})

describe('writePrivate', () => {
  it('writes for this user only and replaces as a whole', () => {
    const path = join(work, 'private.txt')
    writeFileSync(path, 'old', { mode: 0o644 })
    chmodSync(path, 0o644)
    const before = statSync(path).ino
    writePrivate(path, 'new')
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(modeOf(path)).toBe(0o600)
    // Another file under the name: whoever had the old one open still reads all of the old text.
    expect(statSync(path).ino).not.toBe(before)
    expect(readdirSync(work).filter((name) => name.endsWith('.next'))).toEqual([])
  })

  it('leaves the old file as it was when the new one cannot be written', () => {
    const folder = fresh()
    expect(() => writePrivate(join(folder, 'x'), 'new')).toThrow(/ENOENT/)
    expect(existsSync(folder)).toBe(false)
  })
})

describe('first-run.json', () => {
  const first = { console: 'https://localhost:8643', http: 'http://127.0.0.1:8600', admin: { user: 'admin', password: 'once-only' }, readToken: 'zr_x' }
  const start = (): { home: string; file: string } => {
    const home = fresh()
    mkdirSync(home)
    return { home, file: join(home, 'first-run.json') }
  }

  it('is for this user only and loses the password when that has been used', () => {
    const { home, file } = start()
    writeFirstRun(home, first)
    expect(modeOf(file)).toBe(0o600)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(first)
    forgetFirstPassword(home)
    expect(modeOf(file)).toBe(0o600)
    expect(readFileSync(file, 'utf8')).not.toContain('once-only')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ ...first, admin: { user: 'admin' } })
  })

  it('may be gone, or without a password already', () => {
    const { home, file } = start()
    forgetFirstPassword(home)
    expect(existsSync(file)).toBe(false)
    writeFirstRun(home, { ...first, admin: { user: 'admin' } })
    const before = statSync(file).ino
    forgetFirstPassword(home)
    expect(statSync(file).ino).toBe(before)
  })

  it.each(['not json', '{}', '[]', 'null', '{"admin":5}'])('that holds %j is told by name, not thrown as a type error', (text) => {
    const { home, file } = start()
    writeFileSync(file, text)
    expect(() => forgetFirstPassword(home)).toThrow(new HomeError(`${file}: cannot be read to take the one-time password out`))
  })
})
