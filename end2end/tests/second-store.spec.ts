import { readFile } from 'node:fs/promises'
import { file, KB, MB, onDisk, type TestFile } from '../support/files'
import { noted } from '../support/journal'
import type { Moto } from '../support/moto'
import { expect, test } from '../support/moto-fixtures'
import { sha256 } from '../support/store'
import type { UploadPage } from '../support/upload-page'

const photo = file('holiday ü.jpg', 300 * KB, 'image/jpeg')

/** Three parts of 8 MiB, the last of them shorter. */
const film = file('film.mp4', 20 * MB)

/** In the bucket under the key that the page shows, byte for byte, with nothing beside it and nothing unfinished. */
async function arrives(upload: UploadPage, moto: Moto, file: TestFile): Promise<void> {
  const key = await upload.file(file).isComplete()
  expect(await moto.sha256(key)).toBe(file.sha256)
  expect(await moto.keys()).toEqual([key])
  expect(await moto.unfinished()).toEqual([])
}

test('the page may upload when `cors apply` has run, and not before', async ({ upload, moto, command, wire }) => {
  await upload.open()
  await upload.set('Tries after a failure', 1)
  await upload.pick(photo)
  await upload.file(photo).hasFailed(/^The store could not be reached after 2 tries\. .*its CORS rules need PUT and POST/)
  expect(wire.exchanges).toEqual([])
  expect(await command('cors', 'apply')).toMatchObject({ code: 0 })
  await upload.file(photo).button('Retry').click()
  await arrives(upload, moto, photo)
})

/** What the page says where the store's own words prove the bytes. */
function proven(algorithm: string): string {
  return `Verified: the store holds these very bytes (${algorithm}).`
}

for (const { provider, inOneRequest, algorithm } of [
  // By Content-MD5. Any object's `ETag` shows it, or that of the parts.
  { provider: 'custom', inOneRequest: proven('MD5'), algorithm: 'MD5' },
  // By x-amz-checksum-sha256, which moto forgets where one request brought the object. Of parts it computes its own.
  { provider: 'aws', inOneRequest: '', algorithm: 'SHA-256' },
] as const) {
  test.describe(`S3_PROVIDER=${provider}`, () => {
    test.use({ provider })

    test.beforeEach(async ({ command }) => {
      expect(await command('cors', 'apply')).toMatchObject({ code: 0 })
    })

    for (const method of ['PUT', 'POST'] as const) {
      test(`a file goes to the second store by ${method}, and comes back under its name`, async ({ upload, moto, wire, context }) => {
        await upload.open()
        await upload.setMethod(method)
        await upload.pick(photo)
        await arrives(upload, moto, photo)
        await expect(upload.file(photo).verified).toHaveText(inOneRequest)
        expect(wire.exchanges.map(exchange => exchange.method)).toEqual([method])
        const downloading = context.waitForEvent('download')
        await upload.file(photo).open.click()
        const download = await downloading
        expect(download.suggestedFilename()).toBe(photo.name)
        expect(sha256(await readFile(await download.path()))).toBe(photo.sha256)
      })
    }

    test('a large file goes to the second store in parts', async ({ upload, moto, wire }) => {
      await upload.open()
      await upload.pick(film)
      await arrives(upload, moto, film)
      await expect(upload.file(film).verified).toHaveText(proven(algorithm))
      expect(wire.exchanges.map(exchange => exchange.part).sort()).toEqual([1, 2, 3])
    })

    test('cancel in the middle leaves nothing in the second store', async ({ upload, moto, wire }) => {
      await upload.open()
      const held = wire.hold(1 * MB, { part: 3 })
      await upload.pick(film)
      await wire.waitFor('two parts are stored', () => wire.exchanges.filter(exchange => exchange.status === 200).length === 2)
      expect(await moto.unfinished()).toHaveLength(1)
      await upload.file(film).button('Cancel').click()
      held.release()
      await expect.poll(() => moto.everything()).toEqual([])
    })

    test('after a reload an upload to the second store goes on', async ({ upload, moto, wire, folder, page }) => {
      const path = await onDisk(folder, film)
      await upload.open()
      const held = wire.hold(1 * MB, { part: 3 })
      await upload.pick(path)
      await wire.waitFor('the third part is under way', () => held.exchanges[0]?.received === 1 * MB)
      await expect.poll(() => noted(page)).toEqual([0, 1, 2])
      page.once('dialog', dialog => void dialog.accept())
      await page.reload()
      await upload.file(film).is('interrupted')
      held.lift()
      // Bytes that the browser had sent are still on their way to the wire.
      await wire.down()
      held.release()
      await wire.up()
      const before = wire.exchanges.length
      await upload.pick(path)
      await arrives(upload, moto, film)
      await expect(upload.file(film).verified).toHaveText(proven(algorithm))
      expect(wire.exchanges.slice(before).map(exchange => exchange.part)).toEqual([3])
    })
  })
}

test.describe('a bit that is turned over on the way, and that the second store takes', () => {
  test.beforeEach(async ({ command }) => {
    expect(await command('cors', 'apply')).toMatchObject({ code: 0 })
  })

  for (const method of ['PUT', 'POST'] as const) {
    test(`is seen by the server, and the file sent again (${method})`, async ({ upload, moto, wire }) => {
      await upload.open()
      await upload.setMethod(method)
      const flipped = wire.flipBit(150 * KB, { times: 1 })
      await upload.pick(photo)
      await arrives(upload, moto, photo)
      await expect(upload.file(photo).verified).toHaveText(proven('MD5'))
      expect(flipped.exchanges[0]!.storeStatus).toBe(method === 'PUT' ? 200 : 201)
      expect(wire.exchanges).toHaveLength(2)
    })
  }

  test('is seen by the server, and that part sent again', async ({ upload, moto, wire }) => {
    await upload.open()
    const flipped = wire.flipBit(5 * MB, { part: 2, times: 1 })
    await upload.pick(film)
    await arrives(upload, moto, film)
    await expect(upload.file(film).verified).toHaveText(proven('MD5'))
    expect(flipped.exchanges[0]!.storeStatus).toBe(200)
    expect(wire.exchanges.map(exchange => exchange.part).sort()).toEqual([1, 2, 2, 3])
  })

  test.describe('S3_PROVIDER=aws', () => {
    test.use({ provider: 'aws' })

    test('is not called verified where the store shows nothing to compare', async ({ upload, moto, wire }) => {
      await upload.open()
      wire.flipBit(5 * MB, { part: 2, times: 1 })
      await upload.pick(film)
      const key = await upload.file(film).isComplete()
      expect(await moto.sha256(key)).not.toBe(film.sha256)
      await expect(upload.file(film).verified).toHaveText('')
    })
  })
})
