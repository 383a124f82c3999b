/**
 * Bundles the agent to one file, dist/agent.cjs, that runs on Node 16.20.2 (glibc 2.17) and newer with nothing beside
 * it. Prints what is in it. `npm run build:agent [-- --outfile FILE --meta FILE]`; --meta writes esbuild's metafile.
 */
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = join(fileURLToPath(import.meta.url), '..', '..')
const option = (name) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined)
const outfile = option('--outfile') ?? join(root, 'dist', 'agent.cjs')
mkdirSync(dirname(outfile), { recursive: true })

const result = await build({
  absWorkingDir: root,
  stdin: {
    contents: `
      import { runAgentCommand } from './agent/main.ts'
      runAgentCommand(process.argv.slice(2)).then(
        (code) => process.exit(code),
        (error) => {
          process.stderr.write('zhishou agent: ' + (error instanceof Error ? error.stack : String(error)) + '\\n')
          process.exit(1)
        },
      )
    `,
    resolveDir: root,
    sourcefile: 'agent-entry.js',
  },
  outfile,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node16',
  minify: true,
  legalComments: 'linked',
  metafile: true,
  logLevel: 'warning',
})

const sizes = new Map()
for (const output of Object.values(result.metafile.outputs)) {
  for (const [file, { bytesInOutput }] of Object.entries(output.inputs)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file.split('/')[0]
    sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput)
  }
}
for (const [name, bytes] of [...sizes].sort((a, b) => b[1] - a[1])) if (bytes > 0) console.log(`${String(bytes).padStart(9)}  ${name}`)
console.log(`${String(statSync(outfile).size).padStart(9)}  ${outfile}`)

const meta = option('--meta')
if (meta !== undefined) writeFileSync(meta, JSON.stringify(result.metafile))
