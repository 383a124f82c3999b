import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readRuleFolder, readRuleFolders, ruleFoldersMark } from './folder.ts'
import { mistakeText } from './rule.ts'
import type { RuleGroup } from './rule.ts'
import { watchRules } from './watch.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zhishou-rules-'))
})
afterEach(async () => rm(folder, { recursive: true }))

const good = 'groups:\n- name: g\n  rules:\n  - {alert: A, expr: up == 0}\n'

it('reads rule files by name, leaves their unit tests alone, and tells files of two folders apart', async () => {
  await writeFile(join(folder, 'b.yml'), good)
  await writeFile(join(folder, 'a.yaml'), good)
  await writeFile(join(folder, 'a.test.yml'), 'tests: nonsense')
  await writeFile(join(folder, 'notes.txt'), 'nonsense')
  const read = await readRuleFolders([{ path: folder, label: '' }, { path: folder, label: 'site' }])
  expect(read.kind === 'ok' && read.groups.map((group) => group.file)).toEqual(['a.yaml', 'b.yml', 'site/a.yaml', 'site/b.yml'])
})

it('gives no group at all while any file has a mistake, and says so for every file', async () => {
  await writeFile(join(folder, 'a.yml'), good)
  await writeFile(join(folder, 'b.yml'), 'groups:\n- nam: g\n')
  await writeFile(join(folder, 'c.yml'), 'groups: 5\n')
  const read = await readRuleFolder(folder)
  expect(read.kind === 'mistakes' && read.mistakes.map(mistakeText)).toEqual([
    'b.yml:2:3: groups[0].nam: unknown key "nam"; did you mean "name"?',
    'b.yml:2:3: groups[0]: the group has no name',
    'c.yml:1:9: groups: expected a list',
  ])
  await expect(readRuleFolder(join(folder, 'none'))).rejects.toThrow('rules: cannot list')
})

it('loads again when a file changed, and keeps what runs when the change is wrong', async () => {
  await writeFile(join(folder, 'a.yml'), good)
  const folders = [{ path: folder, label: '' }]
  let task: () => void | Promise<void> = () => undefined
  const loaded: (readonly RuleGroup[])[] = []
  const errors: string[] = []
  watchRules(folders, await ruleFoldersMark(folders), { every: (_, __, run) => { task = run; return () => undefined } }, { error: (message) => void errors.push(message) }, (groups) => void loaded.push(groups))
  await task()
  expect(loaded).toEqual([])
  await writeFile(join(folder, 'b.yml'), `${good}  - {alert: B, expr: up}\n`)
  await task()
  expect(loaded.map((groups) => groups.length)).toEqual([2])
  await writeFile(join(folder, 'b.yml'), 'groups: wrong and long enough to differ\n')
  await task()
  await task()
  expect(loaded).toHaveLength(1)
  expect(errors).toEqual(['rules: files not loaded, the old rules stay'])
})
