import { file, KB, MB, type TestFile } from '../support/files'
import { expect, test } from '../support/fixtures'
import type { Store } from '../support/store'
import type { UploadPage } from '../support/upload-page'
import type { Exchange } from '../support/wire'

/** Five parts of 8 MiB, the last of them shorter. */
const film = file('film.mp4', 39 * MB)
const PARTS = [1, 2, 3, 4, 5]

/** In the bucket, byte for byte, with nothing beside it, and the store has said so itself. */
async function arrives(upload: UploadPage, store: Store, film: TestFile): Promise<void> {
  const row = upload.file(film)
  // Back-off takes its time.
  const key = await row.isComplete({ timeout: 60_000 })
  await expect(row.verified).toHaveText(/SHA-256/)
  expect(await store.sha256(key)).toBe(film.sha256)
  await expect.poll(() => store.everything()).toEqual([key])
}

test('a large file goes in parts, several at a time, and each is verified by the store', async ({ upload, wire, store }) => {
  await upload.open()
  const held = wire.hold(1 * MB, { times: 3 })
  await upload.pick(film)
  await wire.waitFor('three parts under way', () => held.exchanges.filter(one => one.received === 1 * MB).length === 3)
  held.release()
  await arrives(upload, store, film)
  expect(wire.exchanges.map(exchange => exchange.part).sort()).toEqual(PARTS)
  expect(wire.exchanges.every(exchange => exchange.method === 'PUT')).toBe(true)
})

test('never more parts at a time than the limit', async ({ upload, wire, store }) => {
  await upload.open()
  await upload.set('Limit', 2)
  // Over loopback a part may be gone before the next one is read.
  const held = wire.hold(1 * MB, { times: 2 })
  await upload.pick(film)
  await wire.waitFor('two parts under way', () => held.exchanges.filter(one => one.received === 1 * MB).length === 2)
  held.release()
  await arrives(upload, store, film)
  expect(wire.maxInFlight).toBe(2)
})

test('small files do not wait behind a large one', async ({ upload, wire, store }) => {
  const small = [1, 2, 3].map(number => file(`small ${number}`, 20 * KB))
  await upload.open()
  await upload.set('Limit', 2)
  const held = wire.hold(1 * MB, { part: 1 })
  await upload.pick([film, ...small])
  for (const one of small) await upload.file(one).isComplete()
  await upload.file(film).is('uploading')
  held.release()
  await expect(upload.withStatus('complete')).toHaveCount(4)
  expect(await store.contents()).toEqual([film, ...small].map(file => file.sha256).sort())
})

test('a connection that is reset in the middle of a part costs that part alone', async ({ upload, wire, store }) => {
  await upload.open()
  wire.reset(1 * MB, { part: 2, times: 2 })
  await upload.pick(film)
  await arrives(upload, store, film)
  expect(wire.exchanges.map(exchange => exchange.part).sort()).toEqual([1, 2, 2, 2, 3, 4, 5])
})

test('a part in a black hole is given up and sent again', async ({ upload, wire, store }) => {
  await upload.open()
  await upload.set('Timeout in seconds', 1)
  const held = wire.hold(1 * MB, { part: 2, times: 1 })
  await upload.pick(film)
  await upload.file(film).isComplete({ timeout: 60_000 })
  // Until now the store was waiting for the rest.
  held.release()
  await arrives(upload, store, film)
  expect(wire.exchanges.filter(exchange => exchange.part === 2)).toHaveLength(2)
})

test('ten seconds of SlowDown delay a file and do not fail it', async ({ upload, wire, store }) => {
  await upload.open()
  const busy = wire.answer(503, 'SlowDown', { forMs: 10_000 })
  await upload.pick(film)
  await arrives(upload, store, film)
  expect(busy.exchanges.length).toBeGreaterThanOrEqual(2)
})

test.describe('with signatures of two seconds', () => {
  test.use({ environment: { UPLOAD_EXPIRES: '2' } })

  test('a part whose signature expired on the way is signed anew', async ({ upload, wire, store }) => {
    await upload.open()
    const held = wire.hold(0, { part: 2, times: 1 })
    await upload.pick(film)
    await wire.waitFor('the part', () => held.exchanges.length === 1)
    const since = Date.now()
    await expect.poll(() => Date.now() - since).toBeGreaterThan(3_500)
    held.release()
    await arrives(upload, store, film)
    expect(held.exchanges[0]!.storeStatus).toBe(403)
  })
})

test('a part whose signature is refused without a word about its age is signed anew', async ({ upload, wire, store }) => {
  await upload.open()
  const refused = wire.answer(403, 'AccessDenied', { part: 3, times: 1 })
  await upload.pick(film)
  await arrives(upload, store, film)
  expect(refused.exchanges).toHaveLength(1)
  expect(wire.exchanges.map(exchange => exchange.part).sort()).toEqual([1, 2, 3, 3, 4, 5])
})

test('a part whose answer is lost is found in the store and not sent again', async ({ upload, wire, store }) => {
  await upload.open()
  wire.loseAnswer({ part: 3, times: 1 })
  await upload.pick(film)
  await arrives(upload, store, film)
  expect(wire.exchanges.map(exchange => exchange.part).sort()).toEqual(PARTS)
})

for (const call of ['create_multipart_upload', 'complete_upload'] as const) {
  test(`when the answer to ${call} is lost, what it did is found`, async ({ upload, store, page }) => {
    await upload.open()
    let lost = 0
    await page.route(`**/api/${call}*`, async route => {
      if (lost++ > 0) return route.continue()
      await route.fetch()
      await route.abort('connectionreset')
    })
    await upload.pick(film)
    await arrives(upload, store, film)
    expect(lost).toBeGreaterThanOrEqual(2)
  })
}

test('a bit that is turned over on the way is refused by the store, and the part sent again', async ({ upload, wire, store }) => {
  await upload.open()
  const flipped = wire.flipBit(5 * MB, { part: 4, times: 1 })
  await upload.pick(film)
  await arrives(upload, store, film)
  expect(flipped.exchanges[0]!.storeStatus).toBe(400)
  expect(wire.exchanges.filter(exchange => exchange.part === 4)).toHaveLength(2)
})

for (const method of ['PUT', 'POST'] as const) {
  test(`a bit of a small file that is turned over on the way is refused too (${method})`, async ({ upload, wire, store }) => {
    const small = file('small.bin', 300 * KB)
    await upload.open()
    await upload.setMethod(method)
    const flipped = wire.flipBit(150 * KB, { times: 1 })
    await upload.pick(small)
    await arrives(upload, store, small)
    expect(flipped.exchanges[0]!.storeStatus).toBe(400)
  })
}

test('a server and store that are restarted in the middle go on with the same upload', async ({ upload, wire, store, server }) => {
  await upload.open()
  const held = wire.hold(1 * MB, { part: 5, times: 1 })
  await upload.pick(film)
  await wire.waitFor('the others are stored', () => wire.exchanges.filter(exchange => exchange.status === 200).length === 4)
  await server.stop('SIGKILL')
  await server.start()
  held.release()
  await arrives(upload, store, film)
  expect(wire.exchanges.filter(exchange => exchange.part !== 5)).toHaveLength(4)
})

test('a server that is down for 20 seconds is waited for', async ({ upload, store, server }) => {
  await upload.open()
  await server.stop('SIGKILL')
  await upload.pick(film)
  await upload.file(film).is('retrying')
  const since = Date.now()
  await expect.poll(() => Date.now() - since, { timeout: 30_000 }).toBeGreaterThan(20_000)
  await server.start()
  await arrives(upload, store, film)
})

test('20 seconds offline in the middle fail nothing', async ({ upload, wire, store, context }) => {
  await upload.open()
  const held = wire.hold(1 * MB, { part: 5, times: 1 })
  await upload.pick(film)
  await wire.waitFor('the middle', () => held.exchanges[0]?.received === 1 * MB)
  await context.setOffline(true)
  await wire.down()
  await upload.file(film).is('offline')
  const since = Date.now()
  await expect.poll(() => Date.now() - since, { timeout: 30_000 }).toBeGreaterThan(20_000)
  await wire.up()
  await context.setOffline(false)
  await arrives(upload, store, film)
})

test('cancel while the upload is being begun leaves nothing behind', async ({ upload, store, page }) => {
  await upload.open()
  let begun!: () => void
  const isBegun = new Promise<void>(resolve => (begun = resolve))
  let answer!: () => void
  const mayAnswer = new Promise<void>(resolve => (answer = resolve))
  await page.route('**/api/create_multipart_upload*', async route => {
    const response = await route.fetch()
    begun()
    await mayAnswer
    await route.fulfill({ response })
  })
  await upload.pick(film)
  await isBegun
  await upload.file(film).button('Cancel').click()
  await expect(upload.rows).toHaveCount(0)
  answer()
  await expect.poll(() => store.everything()).toEqual([])
})

test('cancel in the middle leaves nothing behind', async ({ upload, wire, store }) => {
  await upload.open()
  const held = wire.hold(1 * MB, { part: 5 })
  await upload.pick(film)
  await wire.waitFor('four parts are stored', () => wire.exchanges.filter(exchange => exchange.status === 200).length === 4)
  expect(await store.everything()).not.toEqual([])
  await upload.file(film).button('Cancel').click()
  held.release()
  await expect.poll(() => store.everything()).toEqual([])
})

test('cancel while the upload is being completed leaves nothing behind', async ({ upload, store, page }) => {
  await upload.open()
  let asked!: () => void
  const isAsked = new Promise<void>(resolve => (asked = resolve))
  let cancelled!: () => void
  const isCancelled = new Promise<void>(resolve => (cancelled = resolve))
  await page.route('**/api/complete_upload*', async route => {
    asked()
    await isCancelled
    await route.continue()
  })
  await upload.pick(film)
  await isAsked
  await upload.file(film).button('Cancel').click()
  await expect(upload.rows).toHaveCount(0)
  cancelled()
  await expect.poll(() => store.everything()).toEqual([])
})

test('what the server has confirmed stays, also where its answer is lost and the file is cancelled', async ({ upload, store, page }) => {
  await upload.open()
  let done!: () => void
  const isDone = new Promise<void>(resolve => (done = resolve))
  await page.route('**/api/complete_upload*', async route => {
    await route.fetch()
    done()
    await route.abort('connectionreset')
  })
  await upload.pick(film)
  await isDone
  const refused = page.waitForResponse('**/api/discard_upload*')
  await upload.file(film).button('Cancel').click()
  expect((await refused).status()).toBe(409)
  expect(await store.contents()).toEqual([film.sha256])
})

test('twenty pauses later the file is whole, and no part that was answered was sent again', async ({ upload, wire, store }) => {
  test.setTimeout(180_000)
  await upload.open()
  await upload.set('Limit', 1)
  await upload.pick(film)
  const row = upload.file(film)
  const hungUpOn = new Set<Exchange>()
  for (let pause = 1; pause <= 20; pause++) {
    const held = wire.hold(100 * KB, { times: 1 })
    await wire.waitFor('a part is under way', () => held.exchanges[0]?.received === 100 * KB)
    await row.button('Pause').click()
    await row.is('paused')
    // What had left already may reach the store all the same; the browser does not hear of it.
    hungUpOn.add(held.exchanges[0]!)
    held.release()
    await wire.waitFor('its connection is gone', () => wire.inFlight === 0)
    await row.button('Resume').click()
  }
  await arrives(upload, store, film)
  expect(hungUpOn.size).toBe(20)
  const stored = wire.exchanges.filter(exchange => exchange.status === 200)
  const answered = stored.filter(exchange => !hungUpOn.has(exchange)).map(exchange => exchange.part)
  expect(answered).toHaveLength(new Set(answered).size)
  // A part of which all had left before a pause may have been found in the store, and is then not sent again either.
  expect([...new Set(stored.map(exchange => exchange.part))].sort()).toEqual(PARTS)
})

test('a store that takes its time after the last byte of a part has not stalled', async ({ upload, wire, store }) => {
  await upload.open()
  await upload.set('Timeout in seconds', 1)
  const held = wire.holdAnswer({ part: 1, times: 1 })
  await upload.pick(film)
  await wire.waitFor('it is stored', () => held.exchanges[0]?.storeStatus !== undefined)
  const since = Date.now()
  await expect.poll(() => Date.now() - since).toBeGreaterThan(2_500)
  held.release()
  await arrives(upload, store, film)
  expect(wire.exchanges.map(exchange => exchange.part).sort()).toEqual(PARTS)
})

test('leaving the page is asked about while bytes move, and not afterwards', async ({ upload, wire, page }) => {
  await upload.open()
  const held = wire.hold(1 * MB, { times: 1 })
  await upload.pick(film)
  await wire.waitFor('the middle', () => held.exchanges[0]?.received === 1 * MB)
  const asked = page.waitForEvent('dialog')
  await page.close({ runBeforeUnload: true })
  const dialog = await asked
  expect(dialog.type()).toBe('beforeunload')
  await dialog.dismiss()
  held.release()
  await upload.file(film).isComplete()
  const closed = page.waitForEvent('close')
  await page.close({ runBeforeUnload: true })
  await closed
})

test('the screen stays awake while bytes move, and no longer', async ({ upload, wire, page, context }) => {
  // The lock is the browser's own; the test sees when it is asked for, and whether it is released.
  await context.addInitScript(() => {
    const locks: WakeLockSentinel[] = []
    const { wakeLock } = navigator
    const request = wakeLock.request.bind(wakeLock)
    wakeLock.request = async type => {
      const lock = await request(type)
      locks.push(lock)
      return lock
    }
    Object.assign(window, { locks })
  })
  const held = () =>
    page.evaluate(() => (window as unknown as { locks: WakeLockSentinel[] }).locks.filter(lock => !lock.released).length)
  await upload.open()
  expect(await held()).toBe(0)
  const stopped = wire.hold(1 * MB, { part: 1 })
  await upload.pick(film)
  await expect.poll(held).toBe(1)
  await upload.file(film).button('Pause').click()
  await expect.poll(held).toBe(0)
  await upload.file(film).button('Resume').click()
  await expect.poll(held).toBe(1)
  stopped.lift()
  stopped.release()
  await upload.file(film).isComplete()
  await expect.poll(held).toBe(0)
})
