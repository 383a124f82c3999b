import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseRuleFile } from './rule-file.ts'
import type { Mistake, RuleFiles, RuleGroup } from './rule.ts'

/** Whether the name is one of a rule file; `*.test.yml` beside it are its unit tests. */
export function isRuleFile(name: string): boolean {
  return /\.ya?ml$/.test(name) && !isRuleTestFile(name)
}

/** `host.test.yml`: a promtool unit-test file. */
export function isRuleTestFile(name: string): boolean {
  return /\.test\.ya?ml$/.test(name)
}

/** A folder of rule files. `label` stands before the names of its files in places and identities; '' for the shipped one. */
export interface RuleFolder {
  readonly path: string
  readonly label: string
}

/**
 * Reads every rule file of the folders, in the order of their names. With one mistake anywhere there are no groups at all:
 * half a rule set would look like a quiet one. Rejects when a folder or a file cannot be read.
 */
export async function readRuleFolders(folders: readonly RuleFolder[]): Promise<RuleFiles> {
  const files: RuleFile[] = []
  for (const { path, label } of folders) {
    const names = (await listFolder(path)).filter(isRuleFile).sort()
    files.push(...names.map((name) => ({ path: join(path, name), file: label === '' ? name : `${label}/${name}` })))
  }
  return await readRuleFiles(files)
}

/** As `readRuleFolders`, for one folder. */
export async function readRuleFolder(path: string, label = ''): Promise<RuleFiles> {
  return await readRuleFolders([{ path, label }])
}

/** One rule file and the name it goes by. */
export interface RuleFile {
  readonly path: string
  readonly file: string
}

/** As `readRuleFolders`, for files named one by one (`zhishou rules check`). */
export async function readRuleFiles(files: readonly RuleFile[]): Promise<RuleFiles> {
  const groups: RuleGroup[] = []
  const mistakes: Mistake[] = []
  for (const { path, file } of files) {
    const parsed = parseRuleFile(file, await readRuleText(path))
    groups.push(...parsed.groups)
    mistakes.push(...parsed.mistakes)
  }
  return mistakes.length > 0 ? { kind: 'mistakes', mistakes } : { kind: 'ok', groups }
}

/** Names, sizes and times of the folders' rule files: a text that changes when they do. */
export async function ruleFoldersMark(folders: readonly RuleFolder[]): Promise<string> {
  const parts: string[] = []
  for (const { path } of folders) {
    for (const name of (await listFolder(path)).filter(isRuleFile).sort()) {
      const { size, mtimeMs } = await stat(join(path, name))
      parts.push(`${join(path, name)} ${size} ${mtimeMs}`)
    }
  }
  return parts.join('\n')
}

async function listFolder(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path)
  } catch (cause) {
    throw new Error(`rules: cannot list ${path}`, { cause })
  }
}

async function readRuleText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new Error(`rules: cannot read ${path}`, { cause })
  }
}
