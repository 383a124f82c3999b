/**
 * Installs the real parts that the tests run against (DESIGN §11), where this machine allows it: root on Debian or a
 * derivative. Nothing that is installed is started: a policy file tells the packages so. Elsewhere it says what is
 * missing; the suites that need a missing part are skipped by name.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/** Program that shows the package is there → package. */
export const parts = [
  ['/usr/bin/prometheus-node-exporter', 'prometheus-node-exporter'],
  ['/usr/bin/promtool', 'prometheus'],
  ['/usr/bin/victoria-metrics', 'victoria-metrics'],
  ['/usr/bin/prometheus-alertmanager', 'prometheus-alertmanager'],
  ['/usr/bin/chromium', 'chromium'],
  ['/usr/share/fonts/truetype/wqy/wqy-microhei.ttc', 'fonts-wqy-microhei'],
  ['/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1', 'libfaketime'],
  ['/usr/bin/openssl', 'openssl'],
  ['/bin/mount', 'mount'],
]

/** Packages whose programs are not on this machine. */
export function missingParts() {
  return parts.filter(([path]) => !existsSync(path)).map(([, name]) => name)
}

/** Installs the missing parts; returns the packages that are still missing. */
export function ensureParts() {
  const left = missingParts()
  if (left.length === 0) return []
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return left
  const policy = '/usr/sbin/policy-rc.d'
  const ours = !existsSync(policy)
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  console.log(`installing test parts: ${left.join(' ')}`)
  try {
    spawnSync('apt-get', ['update', '-qq'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
    const install = (names) => spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], { env, stdio: ['ignore', 'ignore', 'ignore'] })
    install(left)
    // One that this release does not have takes the others with it: they come one by one then.
    for (const name of missingParts()) install([name])
  } finally {
    if (ours) rmSync(policy, { force: true })
  }
  return missingParts()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const left = ensureParts()
  console.log(left.length === 0 ? 'all test parts are here' : `missing test parts: ${left.join(' ')}`)
}
