import { appendFile, readFile, utimes, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Page } from '@playwright/test'
import { bigFile, file, MB, onDisk, type TestFile } from '../support/files'
import { expect, test } from '../support/fixtures'
import { sha256 } from '../support/store'
import type { UploadPage } from '../support/upload-page'
import type { Wire } from '../support/wire'

/** Five parts of 8 MiB, the last of them shorter. */
const film = file('album/film.mp4', 39 * MB)
/** Sent in one request. */
const clip = bigFile('album/clip.mp4')

const CHANGED = 'This file was changed after it was added. Add it again to upload it as it is now.'

type Way = 'dropped' | 'in a dropped folder'
const WAYS: Way[] = ['dropped', 'in a dropped folder']

/** Written long ago: Chromium compares whole seconds. */
async function onDiskSinceYears(folder: string, file: TestFile): Promise<string> {
  const path = await onDisk(folder, file)
  await utimes(path, new Date(2020, 0), new Date(2020, 0))
  return path
}

async function drop(upload: UploadPage, path: string, way: Way): Promise<void> {
  await upload.drop([way === 'dropped' ? path : dirname(path)])
}

/** Brings a file so far that the store has its first part, changes it, and lets the second part go on. */
async function changeInTheMiddle(upload: UploadPage, wire: Wire, add: () => Promise<void>, change: () => Promise<void>) {
  await upload.set('Limit', 1)
  const held = wire.hold(1 * MB, { part: 2, times: 1 })
  await add()
  await wire.waitFor('the second part under way', () => held.exchanges[0]?.received === 1 * MB)
  await change()
  held.release()
}

/** The first reads of larger pieces fail, as where a file is locked, or a network drive is away for a moment. */
function failReads(page: Page, times: number): Promise<unknown> {
  return page.addInitScript(left => {
    const { arrayBuffer } = Blob.prototype
    Blob.prototype.arrayBuffer = async function () {
      if (this.size > 100_000 && left-- > 0) throw new DOMException('', 'NotReadableError')
      return arrayBuffer.call(this)
    }
  }, times)
}

const touch = (path: string) => utimes(path, new Date(), new Date())

for (const way of WAYS) {
  for (const checksums of [true, false]) {
    test(`a file ${way} that is touched in the middle of its upload is uploaded, ${checksums ? 'with' : 'without'} checksums`, async ({ upload, wire, store, folder }) => {
      const path = await onDiskSinceYears(folder, film)
      await upload.open()
      if (!checksums) await upload.withoutChecksums()
      await changeInTheMiddle(upload, wire, () => drop(upload, path, way), () => touch(path))
      const key = await upload.only.isComplete({ timeout: 60_000 })
      expect(await store.sha256(key)).toBe(film.sha256)
      await expect.poll(() => store.everything()).toEqual([key])
    })
  }

  test(`a file ${way} that is touched while its only request is under way is sent again`, async ({ upload, wire, store, folder }) => {
    const path = await onDiskSinceYears(folder, clip)
    const held = wire.hold(1 * MB, { times: 1 })
    await upload.open()
    await drop(upload, path, way)
    await wire.waitFor('the middle', () => held.exchanges[0]?.received === 1 * MB)
    await touch(path)
    await wire.down()
    held.release()
    await wire.up()
    const key = await upload.only.isComplete()
    await expect(upload.only.verified).toHaveText(/SHA-256/)
    expect(await store.sha256(key)).toBe(clip.sha256)
    expect(await store.keys()).toEqual([key])
  })

  test(`a file ${way} that is touched before its upload starts is uploaded`, async ({ upload, store, folder }) => {
    const path = await onDiskSinceYears(folder, clip)
    await upload.open()
    await upload.waitBeforeUploading()
    await drop(upload, path, way)
    await upload.only.is('waiting')
    await touch(path)
    await upload.button('Upload').click()
    expect(await store.sha256(await upload.only.isComplete())).toBe(clip.sha256)
  })

  test(`a file ${way} that cannot be read once is uploaded`, async ({ upload, store, folder, page }) => {
    await failReads(page, 1)
    const path = await onDisk(folder, clip)
    await upload.open()
    await drop(upload, path, way)
    const key = await upload.only.isComplete()
    await expect(upload.only.verified).toHaveText(/SHA-256/)
    expect(await store.sha256(key)).toBe(clip.sha256)
  })
}

test('a chosen file that cannot be read twice is uploaded', async ({ upload, store, folder, page }) => {
  // Of an input: nothing opens it again, so that only reading again helps.
  await failReads(page, 2)
  await upload.open()
  await upload.pick(await onDisk(folder, clip))
  const key = await upload.only.isComplete()
  await expect(upload.only.verified).toHaveText(/SHA-256/)
  expect(await store.sha256(key)).toBe(clip.sha256)
})

const changes: Record<string, (path: string) => Promise<void>> = {
  'has other bytes of the same number': path => {
    // Where none of the samples is that tell one file from another.
    const changed = Buffer.from(film.buffer)
    changed[3 * MB]! ^= 1
    return writeFile(path, changed)
  },
  'grows': path => appendFile(path, 'and more'),
  'is cut short': path => writeFile(path, film.buffer.subarray(0, 20 * MB)),
}

for (const [what, change] of Object.entries(changes)) {
  test(`a file that ${what} in the middle of its upload fails and says so, and is uploaded when it is added again`, async ({ upload, wire, store, folder }) => {
    const path = await onDiskSinceYears(folder, film)
    await upload.open()
    await changeInTheMiddle(upload, wire, () => drop(upload, path, 'dropped'), () => change(path))
    await upload.only.hasFailed(CHANGED)
    await expect(upload.only.button('Retry')).toBeHidden()
    expect(await store.keys()).toEqual([])
    await upload.only.button('Remove').click()
    await expect.poll(() => store.everything()).toEqual([])
    await upload.drop([path])
    const key = await upload.only.isComplete({ timeout: 60_000 })
    expect(await store.sha256(key)).toBe(sha256(await readFile(path)))
  })
}

test('without checksums too a file fails whose first bytes are others in the middle of its upload', async ({ upload, wire, store, folder }) => {
  const path = await onDiskSinceYears(folder, film)
  const changed = Buffer.from(film.buffer)
  changed[1_000]! ^= 1
  await upload.open()
  await upload.withoutChecksums()
  await changeInTheMiddle(upload, wire, () => drop(upload, path, 'dropped'), () => writeFile(path, changed))
  await upload.only.hasFailed(CHANGED)
  expect(await store.keys()).toEqual([])
})
