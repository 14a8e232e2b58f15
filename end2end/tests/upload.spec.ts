import { readFile } from 'node:fs/promises'
import { bigFile, file, KB, MB, textFile } from '../support/files'
import { expect, test } from '../support/fixtures'
import { sha256 } from '../support/store'

const photo = file('holiday.jpg', 300 * KB, 'image/jpeg')

for (const method of ['PUT', 'POST'] as const) {
  test(`one file goes to the bucket by ${method}, and its key is shown`, async ({ upload, wire, store }) => {
    await upload.open()
    await upload.setMethod(method)
    await upload.pick(photo)
    const key = await upload.file(photo).isComplete()
    expect(await store.keys()).toEqual([key])
    expect(await store.sha256(key)).toBe(photo.sha256)
    expect(wire.exchanges.map(exchange => exchange.method)).toEqual([method])
  })
}

test('without a choice of method the server chooses', async ({ upload, wire, store }) => {
  await upload.open()
  await upload.pick(photo)
  const key = await upload.file(photo).isComplete()
  expect(await store.sha256(key)).toBe(photo.sha256)
  expect(wire.exchanges).toHaveLength(1)
})

test('40 mixed files with limit 3: three at once, never more', async ({ upload, wire, store }) => {
  const sizes = [0, 1, 700, 20 * KB, 90 * KB, 400 * KB, 100 * KB, 3 * MB]
  const endings = ['.png', '.txt', '.pdf', '']
  const files = Array.from({ length: 40 }, (_, i) => file(`file ${i}${endings[i % 4]}`, sizes[i % 8]!))
  await upload.open()
  await upload.set('Limit', 3)
  const held = wire.holdAnswer({ times: 3 })
  await upload.pick(files)
  await wire.waitFor('three under way', () => wire.exchanges.filter(exchange => exchange.storeStatus).length === 3)
  held.release()
  await expect(upload.withStatus('complete')).toHaveCount(40)
  await expect(upload.totals).toContainText('40 of 40 files uploaded')
  expect(wire.maxInFlight).toBe(3)
  expect(await store.contents()).toEqual(files.map(file => file.sha256).sort())
})

test('two files of the same name become two objects', async ({ upload, store }) => {
  const first = textFile('notes.txt', 'the first')
  const second = textFile('notes.txt', 'the second')
  await upload.open()
  await upload.pick([first, second])
  await expect(upload.withStatus('complete')).toHaveCount(2)
  expect(await store.contents()).toEqual([first.sha256, second.sha256].sort())
})

test('the same file can be picked a second time', async ({ upload, store }) => {
  await upload.open()
  await upload.pick(photo)
  await expect(upload.withStatus('complete')).toHaveCount(1)
  await upload.pick(photo)
  await expect(upload.withStatus('complete')).toHaveCount(2)
  expect(await store.contents()).toEqual([photo.sha256, photo.sha256])
})

test('the key can be copied', async ({ upload, page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await upload.open()
  await upload.pick(photo)
  const key = await upload.file(photo).isComplete()
  await upload.file(photo).copy.click()
  await expect(upload.file(photo).copy).toHaveText('Copied')
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key)
})

for (const [kind, name] of Object.entries({
  'in Persian': 'می\u200Cخواهم.txt',
  'of a family': '👨\u200D👩\u200D👧.png',
})) {
  test(`a file with a name ${kind} is downloaded under exactly that name`, async ({ upload, page, context }) => {
    const named = textFile(name, `named ${kind}`)
    await upload.open()
    await upload.pick(named)
    await upload.only.isComplete()
    const downloading = context.waitForEvent('download')
    await upload.file(named).open.click()
    const download = await downloading
    // Chromium writes `_` for what shows nothing; the store says the name whole.
    expect(download.suggestedFilename()).toBe(name.replace(/\p{Cf}/gu, '_'))
    const said = (await page.request.get(download.url())).headers()['content-disposition']
    expect(decodeURIComponent(said!.replace(/.*filename\*=UTF-8''/, ''))).toBe(name)
    expect(sha256(await readFile(await download.path()))).toBe(named.sha256)
  })
}

test('the link downloads the object that was uploaded, under its name', async ({ upload, context }) => {
  await upload.open()
  await upload.pick(photo)
  await upload.file(photo).isComplete()
  const downloading = context.waitForEvent('download')
  await upload.file(photo).open.click()
  const download = await downloading
  expect(download.suggestedFilename()).toBe('holiday.jpg')
  expect(sha256(await readFile(await download.path()))).toBe(photo.sha256)
})

test('progress says all is done only after the store has answered', async ({ upload, wire }) => {
  await upload.open()
  const held = wire.holdAnswer()
  await upload.pick(photo)
  const row = upload.file(photo)
  await row.is('finishing')
  expect(await row.progress.evaluate((bar: HTMLProgressElement) => bar.position)).toBeLessThan(1)
  held.release()
  await row.isComplete()
  await expect(row.status).toHaveText('Uploaded')
})

test('files wait for the Upload button when they are not to start at once', async ({ upload, wire, store }) => {
  await upload.open()
  await upload.waitBeforeUploading()
  await upload.pick([photo, bigFile('film.mp4')])
  await expect(upload.withStatus('waiting')).toHaveCount(2)
  expect(wire.exchanges).toHaveLength(0)
  await upload.button('Upload').click()
  await expect(upload.withStatus('complete')).toHaveCount(2)
  expect(await store.contents()).toEqual([photo.sha256, bigFile('film.mp4').sha256].sort())
})
