/**
 * Takes changed files of alerting into use without a restart: when somebody asks, and when a file has changed. All or
 * nothing, as with the rules: half of a changed set would look like a whole one. What is refused is told by file.
 */
import { statSync } from 'node:fs'
import { alertFileNames, alertFilePaths, readAlertFiles, wholeOf } from '../alert-files.ts'
import type { AlertFileFault, AlertFileName, AlertFiles } from '../alert-files.ts'
import type { Clock } from '../clock.ts'
import type { CollectorSettings } from '../config.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import { errorText } from '../log.ts'

/** How often the files are looked at, as rule files are. */
const WATCH_MS = 30_000

export interface ReloadDependencies {
  readonly settings: CollectorSettings
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Pick<Log, 'info' | 'error'>
  /** What else keeps files that are right by themselves from being taken; empty: nothing. */
  refuse(next: AlertFiles): readonly AlertFileFault[]
  /** Puts them in place in every room. */
  replace(next: AlertFiles): Promise<void>
  /** Whether they were taken or not, people must see it. */
  changed(): void
}

/** What came of it. */
export type ReloadOutcome = { readonly kind: 'taken' } | { readonly kind: 'refused'; readonly faults: readonly AlertFileFault[] }

export interface FileReload {
  /** Reads all of them and takes them into use. Calls that come meanwhile wait for their own turn. */
  reload(): Promise<ReloadOutcome>
  /** What people must put right, in their words. */
  problems(): readonly string[]
  /** Ends the watch. */
  stop(): void
}

const titles: Readonly<Record<AlertFileName, string>> = {
  routes: '路由文件', topology: '拓扑文件', duty: '值班表', escalation: '升级策略文件', calendar: '工作日历', sla: 'SLA 文件', exposure: '违约条款文件', templates: '消息文字文件',
}

/** Begins to watch; the files in place are those that were just read. */
export function startFileReload(deps: ReloadDependencies): FileReload {
  const { settings, clock, counters, log } = deps
  let marks = marksOf(settings)
  let faults: readonly AlertFileFault[] = []
  let tail: Promise<unknown> = Promise.resolve()
  for (const file of alertFileNames) {
    counters.set('zhishou_config_last_reload_successful', 1, { file })
    counters.set('zhishou_config_last_reload_success_timestamp_seconds', clock.now() / 1_000, { file })
  }

  async function attempt(seen: Marks): Promise<ReloadOutcome> {
    const read = readAlertFiles(settings)
    const next = read.faults.length > 0 ? undefined : wholeOf(read.parts)
    const wrong = next === undefined ? read.faults : deps.refuse(next)
    if (next !== undefined && wrong.length === 0) await deps.replace(next)
    // Also where they are refused: the same text is not read and told again every half minute.
    const before = marks
    marks = seen
    faults = wrong
    for (const file of alertFileNames) {
      const failed = wrong.some((fault) => fault.file === file)
      counters.set('zhishou_config_last_reload_successful', failed ? 0 : 1, { file })
      if (wrong.length === 0 && before.get(file) !== seen.get(file)) counters.set('zhishou_config_last_reload_success_timestamp_seconds', clock.now() / 1_000, { file })
    }
    if (wrong.length > 0) log.error('files of alerting not taken, the old ones stay', { mistakes: wrong.flatMap((fault) => fault.mistakes) })
    else log.info('files of alerting taken', { files: alertFileNames.filter((file) => before.get(file) !== seen.get(file)) })
    deps.changed()
    return wrong.length > 0 ? { kind: 'refused', faults: wrong } : { kind: 'taken' }
  }

  function reload(): Promise<ReloadOutcome> {
    // Marks first: what is changed while it is read is seen the next time.
    const run = tail.then(() => attempt(marksOf(settings)))
    tail = run.catch((error: unknown) => log.error('files of alerting could not be put in place', { error: errorText(error) }))
    return run
  }

  const stop = clock.every(WATCH_MS, 'alerting.files', async () => {
    const seen = marksOf(settings)
    if (alertFileNames.some((file) => seen.get(file) !== marks.get(file))) await reload()
  })
  return {
    reload,
    // What was found there stays out of sight: it may be somebody's number, and everybody sees the overview.
    problems: () => faults.map(({ file, mistakes }) => `${titles[file]}有错误，在改正之前各文件仍按修改前的内容生效：${(mistakes[0] ?? '').replace(/, got .*$/s, '')}${mistakes.length > 1 ? `（另有 ${mistakes.length - 1} 处）` : ''}`),
    stop,
  }
}

type Marks = ReadonlyMap<AlertFileName, string>

/** Names, sizes and times of each one's files: texts that change when they do. */
function marksOf(settings: CollectorSettings): Marks {
  const marks = new Map<AlertFileName, string>()
  for (const { file, path } of alertFilePaths(settings)) {
    const found = statSync(path, { throwIfNoEntry: false })
    marks.set(file, `${marks.get(file) ?? ''}${path} ${found === undefined ? 'missing' : `${found.size} ${found.mtimeMs} ${found.ino}`}\n`)
  }
  return marks
}
