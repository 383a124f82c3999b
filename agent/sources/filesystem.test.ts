import { describe, expect, it, vi } from 'vitest'
import { exited, memoryHost, recordingSink } from '../../test/memory-host.ts'
import type { FileSystemSizes } from '../host.ts'
import { filesystem } from './filesystem.ts'
import { answeringAtOnce, parseMounts, parseUsage } from './mounts.ts'

const table = `proc /proc proc rw,relatime 0 0
/dev/vda1 / ext4 rw,relatime 0 0
tmpfs /run tmpfs rw,nosuid,size=1600000k 0 0
/dev/sdb1 /mnt/data\\040disk\\134x xfs ro,noatime 0 0
/dev/loop0 /snap/core/1 squashfs ro 0 0
overlay /var/lib/docker/overlay2/ab/merged overlay rw 0 0
/dev/vda1 /var/lib/docker/volumes/x ext4 rw 0 0
nas:/export /data nfs4 rw,hard 0 0
short line
`
const sizes: FileSystemSizes = { type: 0xef53, blockSize: 4096, blocks: 1000, blocksFree: 500, blocksAvailable: 400, files: 100, filesFree: 60 }
const signal = new AbortController().signal
const at = (metric: string, device: string, mountpoint: string, fstype: string): string =>
  `node_filesystem_${metric}{device="${device}",fstype="${fstype}",mountpoint=${JSON.stringify(mountpoint)}}`

describe('mount table', () => {
  it('unescapes octal and leaves out what node_exporter leaves out', () => {
    expect(parseMounts(table)).toEqual([
      { device: '/dev/vda1', mountPoint: '/', fsType: 'ext4', readOnly: false },
      { device: 'tmpfs', mountPoint: '/run', fsType: 'tmpfs', readOnly: false },
      { device: '/dev/sdb1', mountPoint: '/mnt/data disk\\x', fsType: 'xfs', readOnly: true },
      { device: 'nas:/export', mountPoint: '/data', fsType: 'nfs4', readOnly: false },
    ])
  })

  it('takes "ro" as a whole option, not as part of errors=remount-ro', () => {
    expect(parseMounts('/dev/sda1 /a ext4 rw,errors=remount-ro 0 0\n')[0]?.readOnly).toBe(false)
  })
})

// As coreutils prints it, with the header of a Chinese locale.
const df = `文件系统                     1B-块        已用        可用   Inodes  已用I 挂载点
/dev/vda1               4096000     2048000     1638400      100     40 /
tmpfs                1638400000        8192  1638391808     5000      1 /run
/dev/sdb1               9000000     9100000     -100000        -      - /mnt/data disk\\x
`

describe('df', () => {
  it('reads rows from the right, whatever the language, and never says less than nothing', () => {
    const usage = parseUsage(df, parseMounts(table))
    expect(usage.get('/')).toEqual({ sizeBytes: 4096000, freeBytes: 2048000, availableBytes: 1638400, files: 100, filesFree: 60 })
    expect(usage.get('/run')).toEqual({ sizeBytes: 1638400000, freeBytes: 1638391808, availableBytes: 1638391808, files: 5000, filesFree: 4999 })
    expect(usage.get('/mnt/data disk\\x')).toMatchObject({ availableBytes: 0, files: 0, filesFree: 0 })
    expect(usage.has('/data')).toBe(false)
  })

  it('finds a mount that df left out by its device', () => {
    const bind = parseMounts('/dev/vda1 / ext4 rw 0 0\n/dev/vda1 /srv ext4 rw 0 0\ntmpfs /other tmpfs rw 0 0\n')
    const usage = parseUsage(df, bind)
    expect(usage.get('/srv')).toEqual(usage.get('/'))
    expect(usage.has('/other')).toBe(false)
  })
})

describe('what may be asked on the event loop', () => {
  it('is what the kernel keeps in memory, with nothing on the way that may hang', () => {
    const lines = ['/dev/a / ext4', '/dev/b /data xfs', 'tmpfs /run tmpfs', 'nas:/x /mnt/nas nfs4', '/dev/c /mnt/nas/under ext4', 'auto /misc autofs', '/dev/d /misc/cd xfs', '/dev/e /boot/efi vfat', '/dev/f /over ext4', 'nas:/y /over nfs', '/dev/g /mnt/nas-2 ext4']
    expect([...answeringAtOnce(lines.map((line) => `${line} rw 0 0\n`).join(''))]).toEqual(['/', '/data', '/run', '/mnt/nas-2'])
    expect([...answeringAtOnce('nas:/root / nfs rw 0 0\n/dev/a /data ext4 rw 0 0\n')]).toEqual([])
  })

  it('is answered in one go, without a thread of the pool; an error is the mount\'s', () => {
    const asked: string[] = []
    const host = memoryHost({
      files: { '/proc/1/mounts': '/dev/a / ext4 rw 0 0\n/dev/b /gone xfs rw 0 0\n' },
      statfs: (path) => {
        asked.push(path)
        return Promise.resolve(sizes)
      },
    })
    const sink = recordingSink()
    const statfsAtOnce = (path: string): FileSystemSizes => {
      if (path === '/gone') throw new Error('EIO')
      return sizes
    }
    expect(filesystem.read({ ...host, statfsAtOnce }, sink, signal)).toEqual({ kind: 'ok', value: undefined })
    expect(sink.samples[at('size_bytes', '/dev/a', '/', 'ext4')]).toBe(4_096_000)
    expect(sink.samples[at('device_error', '/dev/b', '/gone', 'xfs')]).toBe(1)
    expect(asked).toEqual([])
  })
})

describe('filesystem source with statfs', () => {
  it('gives sizes in bytes and read-only state', async () => {
    const host = memoryHost({ files: { '/proc/1/mounts': table }, statfs: () => Promise.resolve(sizes) })
    const sink = recordingSink()
    expect(await filesystem.read(host, sink, signal)).toEqual({ kind: 'ok', value: undefined })
    expect(sink.samples[at('size_bytes', '/dev/vda1', '/', 'ext4')]).toBe(4_096_000)
    expect(sink.samples[at('free_bytes', '/dev/vda1', '/', 'ext4')]).toBe(2_048_000)
    expect(sink.samples[at('avail_bytes', '/dev/vda1', '/', 'ext4')]).toBe(1_638_400)
    expect(sink.samples[at('readonly', '/dev/sdb1', '/mnt/data disk\\x', 'xfs')]).toBe(1)
    expect(sink.samples[at('device_error', '/dev/vda1', '/', 'ext4')]).toBe(0)
    expect(host.ran).toEqual([])
  })

  it('reads the own table where that of PID 1 is hidden', async () => {
    const host = memoryHost({ files: { '/proc/self/mounts': '/dev/vda1 / ext4 rw 0 0\n' }, statfs: () => Promise.resolve(sizes) })
    const sink = recordingSink()
    await filesystem.read(host, sink, signal)
    expect(Object.keys(sink.samples)).toHaveLength(7)
  })

  it('reports a mount that hangs, once, with one call in flight, and waits for it only the first time', async () => {
    vi.useFakeTimers()
    try {
      let calls = 0
      let answer: ((sizes: FileSystemSizes) => void) | undefined
      const statfs = (path: string): Promise<FileSystemSizes> => {
        if (path !== '/data') return Promise.resolve(sizes)
        calls++
        return new Promise((resolve) => (answer = resolve))
      }
      const host = memoryHost({ files: { '/proc/1/mounts': table }, statfs })
      const dead = at('device_error', 'nas:/export', '/data', 'nfs4')
      const first = recordingSink()
      const reading = filesystem.read(host, first, signal)
      await vi.advanceTimersByTimeAsync(2_000)
      await reading
      expect(first.samples[dead]).toBe(1)
      expect(first.samples[at('size_bytes', 'nas:/export', '/data', 'nfs4')]).toBeUndefined()
      expect(first.samples[at('size_bytes', '/dev/vda1', '/', 'ext4')]).toBe(4_096_000)

      const second = recordingSink()
      await filesystem.read(host, second, signal)
      expect(second.samples[dead]).toBe(1)
      expect(calls).toBe(1)

      answer!(sizes)
      await vi.advanceTimersByTimeAsync(0)
      const third = recordingSink()
      const again = filesystem.read(host, third, signal)
      await vi.advanceTimersByTimeAsync(0)
      answer!(sizes)
      await again
      expect(third.samples[dead]).toBe(0)
      expect(calls).toBe(2)
    } finally {
      vi.useRealTimers()
    }
  })

  it('stops spending pool threads when two mounts hang: the other remote ones are asked through a child', async () => {
    vi.useFakeTimers()
    try {
      const mounts = ['a', 'b', 'c'].map((name) => `nas:/${name} /${name} nfs rw 0 0\n`).join('') + '/dev/vda1 / ext4 rw 0 0\n'
      const asked: string[] = []
      let cAnswers = true
      const host = memoryHost({
        files: { '/proc/1/mounts': mounts },
        statfs: (path) => {
          asked.push(path)
          return path === '/' || (path === '/c' && cAnswers) ? Promise.resolve(sizes) : new Promise(() => {})
        },
        run: () => exited('10 10 6 5 4 3\n'),
      })
      const reading = filesystem.read(host, recordingSink(), signal)
      await vi.advanceTimersByTimeAsync(2_000)
      await reading
      cAnswers = false
      asked.length = 0
      const sink = recordingSink()
      await filesystem.read(host, sink, signal)
      expect(asked).toEqual(['/'])
      expect(host.ran).toEqual([['stat', '-f', '-c', '%S %b %f %a %c %d', '--', '/c']])
      expect(sink.samples[at('size_bytes', 'nas:/c', '/c', 'nfs')]).toBe(100)
      expect(sink.samples[at('files_free', 'nas:/c', '/c', 'nfs')]).toBe(3)
      expect(sink.samples[at('device_error', 'nas:/a', '/a', 'nfs')]).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('filesystem source without statfs (Node 16)', () => {
  it('runs df once a minute and repeats its figures between', async () => {
    let now = 1_000_000_000_000
    const host = memoryHost({
      files: { '/proc/1/mounts': table },
      now: () => now,
      run: (argv) => {
        if (argv.at(-1) === '/data') return exited('', 1, "stat: cannot read file system information for '/data': Stale file handle")
        return exited(df)
      },
    })
    for (const [step, runs] of [[0, 2], [15_000, 2], [30_000, 2], [15_000, 4]] as const) {
      now += step
      const sink = recordingSink()
      expect(await filesystem.read(host, sink, signal)).toEqual({ kind: 'ok', value: undefined })
      expect(sink.samples[at('size_bytes', '/dev/vda1', '/', 'ext4')]).toBe(4_096_000)
      expect(sink.samples[at('device_error', '/dev/vda1', '/', 'ext4')]).toBe(0)
      expect(sink.samples[at('device_error', 'nas:/export', '/data', 'nfs4')]).toBe(1)
      expect(host.ran).toHaveLength(runs)
    }
  })

  it('does not call a mount dead that was not asked, because another one hangs, and asks less often after a hang', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] })
    try {
      let now = 1_000_000_000_000
      const host = memoryHost({
        files: { '/proc/1/mounts': 'nas:/a /a nfs rw 0 0\nnas:/b /b nfs rw 0 0\n' },
        now: () => now,
        run: (argv) => {
          if (argv.at(-1) !== '/a') return { kind: 'hung' }
          return new Promise((resolve) => setTimeout(() => resolve({ kind: 'hung' }), 3_000))
        },
      })
      const sink = recordingSink()
      const reading = filesystem.read(host, sink, signal)
      await vi.advanceTimersByTimeAsync(3_000)
      await reading
      expect(sink.samples).toEqual({ [at('device_error', 'nas:/a', '/a', 'nfs')]: 1 })
      const asked = (): number => host.ran.filter((argv) => argv.at(-1) === '/a').length
      now += 240_000
      await filesystem.read(host, recordingSink(), signal)
      expect(asked()).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })

  it('says so when df is not there, and makes up no sizes', async () => {
    const host = memoryHost({ files: { '/proc/1/mounts': '/dev/vda1 / ext4 rw 0 0\n' } })
    const sink = recordingSink()
    const outcome = await filesystem.read(host, sink, signal)
    expect(outcome.kind).toBe('failed')
    expect(sink.samples).toEqual({})
  })
})
