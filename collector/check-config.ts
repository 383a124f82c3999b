/** `zhishou collector check-config`: everything that can be said of collector.yml and of all files it names, at once. */
import { readFileSync } from 'node:fs'
import { SettingsError } from '../protocol/settings.ts'
import { readAlertFiles } from './alert-files.ts'
import { readCollectorSettings } from './config.ts'
import { configWarnings } from './config-warnings.ts'
import { errorText } from './log.ts'
import { openEndpoint } from './notify/external-alertmanager.ts'
import { openChannel } from './notify/registry.ts'
import { loadRules, ruleFolders } from './rules/load.ts'

/** What was found; each is one sentence that names its file. Mistakes keep the collector from starting, warnings do not. */
export interface ConfigVerdict {
  readonly mistakes: readonly string[]
  readonly warnings: readonly string[]
}

/** Checks the settings in `text`; `file` is their name in mistakes, `home` where relative paths in them begin. Reads files. */
export async function checkConfig(text: string, file: string, home: string, now: number): Promise<ConfigVerdict> {
  const read = readCollectorSettings(text, file, home)
  const mistakes = [...read.mistakes]
  const collect = async (key: string, work: () => unknown): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (error instanceof SettingsError) mistakes.push(...error.mistakes)
      else mistakes.push(`${file}: ${key}: ${errorText(error)}`)
    }
  }
  const files = readAlertFiles(read.settings, read.channels)
  mistakes.push(...files.faults.flatMap((fault) => fault.mistakes))
  const { rules, notify } = read.settings
  // One by one: a folder or a secret that cannot be read must not hide the next one.
  for (const folder of ruleFolders(rules)) await collect('rules.folders', () => loadRules([folder]))
  const world = { readFile: (path: string) => readFileSync(path, 'utf8'), env: process.env }
  for (const [name, channel] of Object.entries(notify.channels)) await collect(`notify.channels.${name}`, () => openChannel(name, channel, world).close())
  for (const [index, endpoint] of notify.alertmanagers.entries()) await collect(`notify.alertmanagers.${index}`, () => openEndpoint(endpoint, world))
  return { mistakes: [...new Set(mistakes)], warnings: configWarnings(read, files, now) }
}
