import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder } from './folder.ts'

test('makes folders for their owner only, twice is once, and says at once where none can be', () => {
  const root = mkdtempSync(join(tmpdir(), 'zhishou-folder-'))
  const deep = join(root, 'a', 'b')
  makeFolder(deep)
  makeFolder(deep)
  expect(statSync(deep).mode & 0o777).toBe(0o700)
  expect(statSync(join(root, 'a')).mode & 0o777).toBe(0o700)
  expect(() => makeFolder('/proc/zhishou/x')).toThrow(/ENOENT/)
  rmSync(root, { recursive: true })
})
