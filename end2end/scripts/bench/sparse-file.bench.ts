import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { MB, type DiskFile } from '../../support/files'
import { sha256Of } from '../../support/store'
import { expect, expectStored, test } from './fixtures'
import { watchMemory } from './memory'
import { memoryColumns, printTable, row } from './table'
import { ThisPage } from './this-page'

const BYTES = 5 * 1_024 * MB
const PART_BYTES = 8 * MB

// Straight to the store.
test.use({ environment: { S3_PUBLIC_ENDPOINT: '' } })

test('5 GiB, every part verified', async ({ browser, server, folder, store }) => {
  const file = await sparseFile(folder)
  const page = await ThisPage.ready(browser, server.url, [file.path])
  let milliseconds = 0
  const memory = await watchMemory(browser, async () => void (milliseconds = await page.upload()))
  await expectStored(store, [file])
  expect(await page.verified()).toMatch(/SHA-256/)
  await page.close()
  printTable('One sparse file of 5 GiB over loopback, every part verified', [
    { ...row({ client: 'this page', bytes: BYTES, milliseconds }), ...memoryColumns(memory) },
  ])
})

/** Holes, but for a mark at the beginning of each part: no two of them are the same. */
async function sparseFile(folder: string): Promise<DiskFile> {
  const path = join(folder, 'sparse.bin')
  const disk = await open(path, 'w')
  await disk.truncate(BYTES)
  for (let at = 0; at < BYTES; at += PART_BYTES) await disk.write(`the part that begins at ${at}`, at)
  await disk.close()
  return { path, size: BYTES, sha256: await sha256Of(path) }
}
