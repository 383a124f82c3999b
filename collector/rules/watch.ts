import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { readRuleFolders, ruleFoldersMark } from './folder.ts'
import type { RuleFolder } from './folder.ts'
import { mistakeText } from './rule.ts'
import type { RuleGroup } from './rule.ts'

/** How often the folders are looked at. */
const watchMs = 30_000

/**
 * Loads the rule files again when one of them changed. With mistakes the running rules stay, and every mistake is logged.
 * Returns what stops it. `initialMark`: `ruleFoldersMark` as of the first load.
 */
export function watchRules(
  folders: readonly RuleFolder[], initialMark: string, clock: Pick<Clock, 'every'>, log: Pick<Log, 'error'>, replace: (groups: readonly RuleGroup[]) => void,
): () => void {
  let mark = initialMark
  return clock.every(watchMs, 'rule files', async () => {
    const seen = await ruleFoldersMark(folders)
    if (seen === mark) return
    const read = await readRuleFolders(folders)
    mark = seen
    if (read.kind === 'ok') replace(read.groups)
    else log.error('rules: files not loaded, the old rules stay', { mistakes: read.mistakes.map(mistakeText) })
  })
}
