import { arch, release } from 'node:os'
import { expect, test } from 'vitest'
import { memoryHost } from '../test/memory-host.ts'
import { readOperatingSystem } from './identity.ts'

const kernel = { kernel: release(), architecture: arch() }

test.each([
  ['NAME="Debian GNU/Linux"\nVERSION="12 (bookworm)"\nVERSION_ID="12"\n', { distribution: 'Debian GNU/Linux', release: '12' }],
  ['NAME="Ubuntu"\nVERSION="22.04.5 LTS (Jammy Jellyfish)"\nVERSION_ID="22.04"\n', { distribution: 'Ubuntu', release: '22.04.5 LTS' }],
  ['NAME="CentOS Linux"\nVERSION="7 (Core)"\nVERSION_ID="7"\n', { distribution: 'CentOS Linux', release: '7' }],
  ['NAME=openEuler\nVERSION_ID=24.03\n', { distribution: 'openEuler', release: '24.03' }],
  ['NAME="Arch Linux"\n', { distribution: 'Arch Linux' }],
  ['', {}],
])('the operating system of %j', async (file, expected) => {
  expect(await readOperatingSystem(memoryHost({ files: { '/usr/lib/os-release': file } }))).toEqual({ ...expected, ...kernel })
})

test('no os-release file leaves the kernel', async () => {
  expect(await readOperatingSystem(memoryHost({ files: {} }))).toEqual(kernel)
})
