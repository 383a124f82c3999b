import { join } from 'node:path'
import { SettingsError } from '../../protocol/settings.ts'
import { type RuleFolder, readRuleFolders } from './folder.ts'
import { type RuleGroup, mistakeText } from './rule.ts'

/** The shipped rules and what the settings add to them. */
export function ruleFolders(settings: { readonly shipped: boolean; readonly folders: readonly string[] }): readonly RuleFolder[] {
  const shipped: RuleFolder = { path: join(import.meta.dirname, '..', '..', 'alerts', 'rules'), label: '' }
  return [...(settings.shipped ? [shipped] : []), ...settings.folders.map((path) => ({ path, label: path }))]
}

/** Every rule of these folders. Throws SettingsError with all mistakes of all files. */
export async function loadRules(folders: readonly RuleFolder[]): Promise<readonly RuleGroup[]> {
  const found = await readRuleFolders(folders)
  if (found.kind === 'mistakes') throw new SettingsError(found.mistakes.map(mistakeText))
  return found.groups
}
