/** YAML files of the site, read strictly: every mistake at once, each with its key path and the nearest known key. */
import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { SettingsError, settingsMistakes } from '../protocol/settings.ts'
import { keysAt } from './schema-walk.ts'

/** The YAML text as plain data; dates and times of day stay texts. Throws SettingsError for what is no YAML. */
export function readYaml(text: string, file: string): unknown {
  const document = parseDocument(text)
  if (document.errors.length > 0) throw new SettingsError(document.errors.map((error) => `${file}: ${error.message.split('\n')[0]?.replace(/:$/, '')}`))
  try {
    return document.toJS() ?? {}
  } catch {
    // An alias without its anchor, or aliases of aliases that would fill the memory.
    throw new SettingsError([`${file}: a value begins with * and is no usable alias; put quotes around it`])
  }
}

/** Checks data against a strict schema. Throws SettingsError with every mistake, its key path and the nearest known key. */
export function checkFile<T>(schema: z.ZodType<T>, input: unknown, file: string): T {
  const result = schema.safeParse(input)
  if (!result.success) throw new SettingsError(settingsMistakes(file, result.error.issues, input, (path) => keysAt(schema, path)))
  return result.data
}
