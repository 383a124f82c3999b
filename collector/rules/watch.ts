import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { readRuleFolders, ruleFoldersMark } from './folder.ts'
import type { RuleFolder } from './folder.ts'
import { mistakeText } from './rule.ts'
import type { RuleGroup } from './rule.ts'

/** How often the folders are looked at. */
const watchMs = 30_000

/** The watch over the rule folders. */
export interface RuleWatch {
  /** Looks now. Answers every mistake of the files as they are, also where they were told before; none: they are in use. */
  look(): Promise<readonly string[]>
  stop(): void
}

/**
 * Loads the rule files again when one of them changed. With mistakes the running rules stay, and every mistake is logged.
 * `initialMark`: `ruleFoldersMark` as of the first load.
 */
export function watchRules(
  folders: readonly RuleFolder[], initialMark: string, clock: Pick<Clock, 'every'>, log: Pick<Log, 'error'>, replace: (groups: readonly RuleGroup[]) => void,
): RuleWatch {
  let mark = initialMark
  let mistakes: readonly string[] = []
  async function look(): Promise<readonly string[]> {
    const seen = await ruleFoldersMark(folders)
    if (seen === mark) return mistakes
    const read = await readRuleFolders(folders)
    mark = seen
    mistakes = read.kind === 'ok' ? [] : read.mistakes.map(mistakeText)
    if (read.kind === 'ok') replace(read.groups)
    else log.error('rules: files not loaded, the old rules stay', { mistakes })
    return mistakes
  }
  return { look, stop: clock.every(watchMs, 'rule files', async () => void (await look())) }
}
