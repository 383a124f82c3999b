/** Types of ensure.mjs for the tests. */
export const root: string
export function pinnedNode(): string
export function ensureInstalled(): string
export function ensureAgent(node: string): void
export function ensureConsole(node: string): void
export const collectorFlags: readonly string[]
export const collectorEnvironment: Readonly<Record<string, string>>
