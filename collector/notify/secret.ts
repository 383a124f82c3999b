/** Secrets that settings name by file or variable: read when a channel opens, and kept out of whatever is written down. */
import { SettingsError } from '../../protocol/settings.ts'
import type { ChannelWorld } from './channel.ts'

/**
 * The secret that `file` or `env` names; undefined where neither is given. `key` is its place in the settings. Throws
 * SettingsError where it cannot be read, is empty, or is more than one line.
 */
export function readSecret(key: string, file: string | undefined, env: string | undefined, world: ChannelWorld): string | undefined {
  if (file !== undefined) {
    const text = readNamed(`${key}File`, file, world).replace(/\r?\n$/, '')
    if (text === '') throw new SettingsError([`${key}File: ${file} is empty`])
    if (/[\r\n]/.test(text)) throw new SettingsError([`${key}File: ${file} has more than one line`])
    return text
  }
  if (env === undefined) return undefined
  const value = world.env[env]
  if (value === undefined || value === '') throw new SettingsError([`${key}Env: the variable ${env} is not set`])
  return value
}

/** As `readSecret`, for a secret that the schema demands. */
export function needSecret(key: string, file: string | undefined, env: string | undefined, world: ChannelWorld): string {
  const secret = readSecret(key, file, env, world)
  if (secret === undefined) throw new SettingsError([`${key}File: expected ${key}File or ${key}Env`])
  return secret
}

/** The text of a file that the settings name at `key`. */
export function readNamed(key: string, file: string, world: ChannelWorld): string {
  try {
    return world.readFile(file)
  } catch (cause) {
    throw new SettingsError([`${key}: cannot read ${file}: ${cause instanceof Error ? cause.message : String(cause)}`])
  }
}

/** Takes secrets, plain and url-encoded, out of what the other side or a library said. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) {
    if (secret === '') continue
    for (const form of new Set([secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])) clean = clean.replaceAll(form, '…')
  }
  return clean
}
