import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { commandFile, hostAt, localHost } from './host-local.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'host-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('this machine', () => {
  test('reads a file of any size whole, one after another through one buffer', () => {
    const host = localHost()
    for (const size of [0, 1, 65_535, 65_536, 65_537, 300_000, 5]) {
      const text = 'é'.repeat(size)
      writeFileSync(`${folder}/file`, text)
      expect(host.read(`${folder}/file`)).toBe(text)
    }
  })

  test('reads what the kernel gives in pieces', () => {
    // /proc/kallsyms and the like come page by page; this one is there on every Linux.
    expect(localHost().read('/proc/self/smaps')).toContain('VmFlags')
  })

  test('reads a table of sockets to its end, which comes in many pieces', async () => {
    const host = localHost()
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const ours = new RegExp(`^ *\\d+: 0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} `)
    const sockets: Socket[] = []
    try {
      for (const connections of [0, 1, 10, 20, 200]) {
        while (sockets.length < connections) {
          const socket = connect(port, '127.0.0.1')
          sockets.push(socket)
          await Promise.all([once(socket, 'connect'), once(server, 'connection')])
        }
        const table = host.read('/proc/net/tcp') as string
        expect(table.split('\n').filter((line) => ours.test(line))).toHaveLength(connections + 1)
        expect(table.endsWith('\n')).toBe(true)
      }
    } finally {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  })

  test('refuses a file that no kernel table can be', () => {
    writeFileSync(`${folder}/file`, Buffer.alloc(16 * 1024 * 1024 + 1))
    expect(() => localHost().read(`${folder}/file`)).toThrow('longer than 16777216 bytes')
  })

  test('says the file system\'s error and leaks no descriptor over it', () => {
    const host = localHost()
    const count = (): number => (host.list('/proc/self/fd') as readonly string[]).length
    const before = count()
    for (let repeat = 0; repeat < 50; repeat++) {
      expect(() => host.read(`${folder}/none`)).toThrow('ENOENT')
      expect(() => host.read(folder)).toThrow('EISDIR')
    }
    expect(count()).toBe(before)
  })

  test('keeps a kernel table open and reads it anew each time, to its end', () => {
    const host = localHost()
    const count = (): number => (host.list('/proc/self/fd') as readonly string[]).length
    const text = (path: string): string => host.read(path) as string
    const uptime = (): number => Number(text('/proc/uptime').split(' ')[0])
    const first = uptime()
    const open = count()
    const until = performance.now() + 30
    while (performance.now() < until);
    expect(uptime()).toBeGreaterThan(first)
    for (const path of ['/proc/stat', '/proc/self/smaps', '/proc/net/dev', '/proc/sys/kernel/pid_max', '/sys/class/net/lo/mtu']) {
      const whole = readFileSync(path, 'utf8')
      for (let repeat = 0; repeat < 3; repeat++) expect(text(path).split('\n').length).toBeGreaterThanOrEqual(whole.split('\n').length * 0.9)
    }
    for (let repeat = 0; repeat < 20; repeat++) for (const path of ['/proc/stat', '/proc/self/smaps', '/proc/net/dev', `/proc/${process.pid}/stat`]) text(path)
    expect(count() - open).toBeLessThanOrEqual(5)
  })

  test('finds a file that was missing as soon as it is there, and misses it again', () => {
    const host = localHost()
    const path = `${folder}/late`
    for (let repeat = 0; repeat < 3; repeat++) {
      expect(() => host.read(path)).toThrow('ENOENT')
      expect(() => host.read(path)).toThrow('ENOENT')
      writeFileSync(path, 'here')
      expect(host.read(path)).toBe('here')
      rmSync(path)
    }
  })

  test('a slow read is given up when it is told to, though it never ends', async () => {
    // A FIFO without a writer: open(2) waits for ever.
    const made = spawn('mkfifo', [`${folder}/fifo`])
    await once(made, 'close')
    const stop = new AbortController()
    const reading = localHost().readSlow(`${folder}/fifo`, stop.signal)
    stop.abort()
    await expect(reading).rejects.toThrow('was given up')
    await expect(localHost().readSlow(`${folder}/fifo`, stop.signal)).rejects.toThrow('was given up')
    // Lets the thread go that still waits for a writer.
    writeFileSync(`${folder}/fifo`, '')
  })

  test('a slow read gives the text or the error', async () => {
    writeFileSync(`${folder}/file`, 'text')
    const { signal } = new AbortController()
    expect(await localHost().readSlow(`${folder}/file`, signal)).toBe('text')
    await expect(localHost().readSlow(`${folder}/none`, signal)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('a slow read of an attribute gives its text, or the error of opening or of reading it', async () => {
    const { signal } = new AbortController()
    expect(await localHost().readSlow('/sys/class/net/lo/mtu', signal)).toMatch(/^\d+\n$/)
    await expect(localHost().readSlow('/sys/class/net/lo/none', signal)).rejects.toMatchObject({ code: 'ENOENT' })
    // The loopback device has no such settings: the kernel opens the file and refuses the read.
    await expect(localHost().readSlow('/sys/class/net/lo/duplex', signal)).rejects.toMatchObject({ code: 'EINVAL' })
  })

  test('knows its file systems where the runtime does', async () => {
    const sizes = await localHost().statfs!('/')
    expect(sizes.blockSize).toBeGreaterThanOrEqual(512)
    expect(sizes.blocks).toBeGreaterThanOrEqual(sizes.blocksFree)
    expect(sizes.blocksFree).toBeGreaterThanOrEqual(sizes.blocksAvailable)
    expect(localHost().statfsAtOnce!('/').blocks).toBe(sizes.blocks)
    await expect(localHost().statfs!(`${folder}/none`)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('a recorded machine', () => {
  test('has its own files and no others', () => {
    mkdirSync(`${folder}/proc`)
    writeFileSync(`${folder}/proc/loadavg`, '1 2 3\n')
    const host = hostAt(folder)
    expect(host.read('/proc/loadavg')).toBe('1 2 3\n')
    expect(host.list('/proc')).toEqual(['loadavg'])
    expect(host.exists('/proc/stat')).toBe(false)
    expect(() => host.read('/proc/stat')).toThrow('ENOENT')
  })

  test('answers with what programs printed when it was recorded', async () => {
    mkdirSync(`${folder}/commands`)
    const argv = ['df', '-P', '-B1', '--', '/data'] as const
    writeFileSync(`${folder}/commands/${commandFile(argv)}`, 'Filesystem\n')
    expect(await hostAt(folder).run(argv, { timeoutMs: 1, maxBytes: 1 })).toEqual({ kind: 'exited', code: 0, stdout: 'Filesystem\n', stderr: '' })
    expect(await hostAt(folder).run(['df'], { timeoutMs: 1, maxBytes: 1 })).toEqual({ kind: 'missing' })
  })

  test('says the time of its recording', () => {
    expect(hostAt(folder).now()).toBe(0)
    writeFileSync(`${folder}/now`, '1511440000000\n')
    expect(hostAt(folder).now()).toBe(1_511_440_000_000)
    expect(hostAt(folder, { now: 5 }).now()).toBe(5)
  })
})

