import { closeSync, fdatasync, fsyncSync, ftruncateSync, openSync, readdirSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../protocol/folder.ts'

/** The few things the spool does with its folder. Every call throws the file system's own error. */
export interface SpoolFiles {
  list(): readonly string[]
  read(name: string): Uint8Array
  /** Adds to the end, creating the file; where it throws, part of the bytes may have been written. */
  append(name: string, bytes: Uint8Array): void
  truncate(name: string, sizeBytes: number): void
  /**
   * Puts the whole file in place in one step, so that a crash of the agent leaves the old or the new one. `durable`: on
   * disk before it returns, and then the same holds for a power cut; otherwise that may leave neither.
   */
  replace(name: string, bytes: Uint8Array, durable: boolean): void
  /** Writes over the beginning of a file that exists, durably, without taking new space: for a full disk. Not atomic. */
  overwrite(name: string, bytes: Uint8Array): void
  remove(name: string): void
  /** Resolves when what was appended to the file is on disk. */
  sync(name: string): Promise<void>
  close(): void
}

const SECTOR_BYTES = 512

/** The spool's folder on a real disk; made if it is missing, readable by its owner only. */
export function diskFiles(folder: string): SpoolFiles {
  makeFolder(folder)
  let open: { name: string; fd: number; syncing: Promise<void> | undefined } | undefined
  const path = (name: string): string => join(folder, name)
  /** The small file that `replace` wrote last without `durable`. */
  let small: { readonly name: string; readonly fd: number; readonly sizeBytes: number } | undefined

  const releaseSmall = (): void => {
    if (small !== undefined) closeSync(small.fd)
    small = undefined
  }
  const release = (): void => {
    if (open === undefined) return
    const { fd, syncing } = open
    open = undefined
    if (syncing === undefined) closeSync(fd)
    else void syncing.finally(() => closeSync(fd)).catch(() => undefined)
  }
  const handle = (name: string): { name: string; fd: number; syncing: Promise<void> | undefined } => {
    if (open?.name !== name) {
      release()
      open = { name, fd: openSync(path(name), 'a', 0o600), syncing: undefined }
    }
    return open
  }
  const syncFolder = (): void => {
    const fd = openSync(folder, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  return {
    list: () => readdirSync(folder),
    read: (name) => readFileSync(path(name)),
    append(name, bytes) {
      const { fd } = handle(name)
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done)
    },
    truncate: (name, sizeBytes) => ftruncateSync(handle(name).fd, sizeBytes),
    replace(name, bytes, durable) {
      // Within one sector and of the same size it is written over: a write of one piece is not cut by the agent's end. `done`
      // is written after every acknowledgement, and a new file and a rename each time was 3 to 6 % of the agent's CPU.
      if (!durable && small?.name === name && small.sizeBytes === bytes.length) {
        if (writeSync(small.fd, bytes, 0, bytes.length, 0) === bytes.length) return
        releaseSmall()
      }
      if (small?.name === name) releaseSmall()
      const temporary = path(`${name}.tmp`)
      const fd = openSync(temporary, 'w', 0o600)
      try {
        for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done)
        if (durable) fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      if (open?.name === name) release()
      renameSync(temporary, path(name))
      if (durable) syncFolder()
      else if (bytes.length <= SECTOR_BYTES) {
        releaseSmall()
        small = { name, fd: openSync(path(name), 'r+'), sizeBytes: bytes.length }
      }
    },
    overwrite(name, bytes) {
      const fd = openSync(path(name), 'r+')
      try {
        for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done)
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
    },
    remove(name) {
      if (open?.name === name) release()
      if (small?.name === name) releaseSmall()
      unlinkSync(path(name))
    },
    sync(name) {
      const file = handle(name)
      const done = new Promise<void>((resolve, reject) => {
        fdatasync(file.fd, (error) => {
          file.syncing = undefined
          if (error === null) resolve()
          else reject(error)
        })
      })
      file.syncing = done
      return done
    },
    close() {
      release()
      releaseSmall()
    },
  }
}
