/** The mount table and the output of `df`, as `filesystem.ts` needs them. Pure. */

export interface Mount {
  readonly device: string
  readonly mountPoint: string
  readonly fsType: string
  readonly readOnly: boolean
}

/**
 * node_exporter's own defaults (not those of Debian's package, which also hides /run, /mnt and /media: a full /run is a
 * fault, and data disks are mounted under /mnt).
 */
const EXCLUDED_MOUNT_POINTS = /^\/(?:dev|proc|run\/credentials\/.+|sys|var\/lib\/docker\/.+|var\/lib\/containers\/storage\/.+)(?:$|\/)/
const EXCLUDED_FS_TYPES =
  /^(?:autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$/

/** File systems whose server may be gone: a call on them can hang for ever. */
const REMOTE_FS_TYPES = /^(?:nfs\d?|cifs|smb\w*|ncpfs|afs|ceph|gfs2?|glusterfs|lustre|ocfs2|9p|davfs|fuse(?:\..+)?|fuseblk)$/

/** Whether calls on this file system leave the machine (network) or the kernel (fuse). */
export function mayHang(mount: Mount): boolean {
  return REMOTE_FS_TYPES.test(mount.fsType)
}

/** File systems whose statfs(2) the kernel answers from memory, however their device is: counters of the superblock. */
const MEMORY_FS_TYPES = /^(?:ext[234]|xfs|tmpfs|ramfs)$/

/**
 * Mount points that may be asked on the event loop: kernel memory answers, and no part of the path leads through a file
 * system that may hang (or through autofs, which mounts one). A thread of the pool costs ten times the call.
 */
export function answeringAtOnce(table: string): ReadonlySet<string> {
  const mounts = table.split('\n').map((line) => line.split(' '))
  const dangerous = mounts.flatMap(([, mountPoint = '', fsType = '']) => (fsType === 'autofs' || REMOTE_FS_TYPES.test(fsType) ? [unescape(mountPoint)] : []))
  const safe = new Set<string>()
  for (const [, mangled = '', fsType = ''] of mounts) {
    const mountPoint = unescape(mangled)
    const behind = dangerous.some((other) => other === '/' || mountPoint === other || mountPoint.startsWith(`${other}/`))
    // A later line at the same place hides the earlier one.
    if (MEMORY_FS_TYPES.test(fsType) && !behind) safe.add(mountPoint)
    else safe.delete(mountPoint)
  }
  return safe
}

function unescape(text: string): string {
  // mangle() in the kernel's fs/seq_file.c writes space, tab, newline, backslash and # as three octal digits.
  return text.includes('\\') ? text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))) : text
}

/**
 * Reads a mount table (fstab(5) fields, octal escapes) and leaves out what node_exporter leaves out by default. Where
 * one device is listed twice at one place the later line counts: it is the one that is visible.
 * Source: kernel Documentation/filesystems/proc.rst, `/proc/PID/mounts`.
 */
export function parseMounts(text: string): readonly Mount[] {
  const mounts = new Map<string, Mount>()
  for (const line of text.split('\n')) {
    const [device, mountPoint, fsType, options] = line.split(' ')
    if (device === undefined || mountPoint === undefined || fsType === undefined || options === undefined) continue
    const mount: Mount = {
      device: unescape(device),
      mountPoint: unescape(mountPoint),
      fsType,
      readOnly: options.split(',').includes('ro'),
    }
    if (EXCLUDED_MOUNT_POINTS.test(mount.mountPoint) || EXCLUDED_FS_TYPES.test(fsType)) continue
    mounts.set(`${mount.device}\n${mount.mountPoint}\n${fsType}`, mount)
  }
  return [...mounts.values()]
}

/** Sizes of one file system: bytes and inodes. Inodes are 0 where the file system counts none (vfat, btrfs). */
export interface Usage {
  readonly sizeBytes: number
  readonly freeBytes: number
  readonly availableBytes: number
  readonly files: number
  readonly filesFree: number
}

interface DfRow extends Usage {
  readonly device: string
}

function dfNumber(text: string | undefined): number {
  return text === undefined || text === '-' ? 0 : Number(text)
}

/** What `df` is asked for: all that `parseUsage` reads, in one run. `--output` came with coreutils 8.21; glibc 2.17 is as old. */
export const DF: readonly [string, ...string[]] = ['df', '-l', '-B1', '--output=source,size,used,avail,itotal,iused,target']

/**
 * Rows of `df`, by mount point. Columns are found from the right, because a device may hold spaces; the header and
 * whatever else does not fit is skipped, so its language does not matter. Source: df(1), "FIELD_LIST".
 */
function parseDf(text: string): ReadonlyMap<string, DfRow> {
  const rows = new Map<string, DfRow>()
  for (const line of text.split('\n')) {
    const match = /^(.*\S)\s+(\d+|-)\s+(\d+|-)\s+(-?\d+|-)\s+(\d+|-)\s+(\d+|-)\s+(\/.*)$/.exec(line)
    if (match === null) continue
    const [, device = '', size, used, available, files, filesUsed, mountPoint = ''] = match
    rows.set(mountPoint, {
      device,
      sizeBytes: dfNumber(size),
      freeBytes: dfNumber(size) - dfNumber(used),
      availableBytes: Math.max(0, dfNumber(available)),
      files: dfNumber(files),
      filesFree: dfNumber(files) - dfNumber(filesUsed),
    })
  }
  return rows
}

/**
 * What `df` (with the arguments of `DF`) says, by mount point. It lists a device once however often it is mounted, so a
 * mount it left out is looked up by its device (`/dev/…` only: other names are not unique).
 */
export function parseUsage(text: string, mounts: readonly Mount[]): ReadonlyMap<string, Usage> {
  const rows = parseDf(text)
  const byDevice = new Map<string, DfRow>()
  for (const row of rows.values()) if (row.device.startsWith('/dev/')) byDevice.set(row.device, row)
  const usage = new Map<string, Usage>()
  for (const mount of mounts) {
    const row = rows.get(mount.mountPoint) ?? byDevice.get(mount.device)
    if (row === undefined) continue
    const { device: _, ...own } = row
    usage.set(mount.mountPoint, own)
  }
  return usage
}
