/** `zhishou rules check|test FILE …`: what promtool check rules and test rules do, on our engine. */
import { readFileSync } from 'node:fs'
import { isRuleTestFile } from '../collector/rules/folder.ts'
import { parseRuleFile } from '../collector/rules/rule-file.ts'
import { mistakeText } from '../collector/rules/rule.ts'
import { runRuleTests } from '../collector/rules/run-tests.ts'

export async function rulesCommand(argv: readonly string[]): Promise<number> {
  const [command, ...files] = argv
  if ((command !== 'check' && command !== 'test') || files.length === 0) {
    process.stderr.write('usage: zhishou rules check|test FILE …\n')
    return 2
  }
  let failed = 0
  if (command === 'check') {
    // `*.yml` of the shipped folder takes the unit tests along.
    for (const file of files.filter((name) => !isRuleTestFile(name))) {
      const { groups, mistakes } = parseRuleFile(file, readFileSync(file, 'utf8'))
      for (const mistake of mistakes) process.stdout.write(`${mistakeText(mistake)}\n`)
      if (mistakes.length === 0) process.stdout.write(`${file}: ok, ${groups.reduce((sum, group) => sum + group.rules.length, 0)} rules\n`)
      else failed++
    }
    return failed === 0 ? 0 : 1
  }
  for (const { file, failures } of await runRuleTests(files)) {
    process.stdout.write(`${file}: ${failures.length === 0 ? 'ok' : 'FAILED'}\n`)
    for (const failure of failures) process.stdout.write(`  ${failure.replaceAll('\n', '\n  ')}\n`)
    if (failures.length > 0) failed++
  }
  return failed === 0 ? 0 : 1
}
