/** Text of others made harmless for where it is shown. Pure. */

/** Text that robots show as it is: what would be markup, a mention or a link of somebody else's is taken apart. */
export function plainMarkdown(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, ' ').replaceAll(/[*`\\[\]<>]/g, (char) => wide[char] ?? char).replaceAll('@', '＠')
}

const wide: Readonly<Record<string, string>> = { '*': '＊', '`': '｀', '\\': '＼', '[': '［', ']': '］', '<': '＜', '>': '＞' }

/** Without the gaps that empty fields leave. */
export function tidy(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, ' ').replaceAll(/ (?=[。，,；;]|$)/g, '').trim()
}
