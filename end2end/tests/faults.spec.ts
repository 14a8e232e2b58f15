import { bigFile, file, KB, MB } from '../support/files'
import { expect, test } from '../support/fixtures'

const film = bigFile('film.mp4')

test('a connection that stalls is given up, and the file goes through at the next try', async ({ upload, wire, store }) => {
  await upload.open()
  await upload.set('Timeout in seconds', 1)
  wire.hold(100 * KB, { times: 1 })
  await upload.pick(film)
  expect(await store.sha256(await upload.file(film).isComplete())).toBe(film.sha256)
  expect(wire.exchanges).toHaveLength(2)
  expect(await store.keys()).toHaveLength(1)
})

test('a connection that stalls for ever fails with the documented message after its tries', async ({ upload, wire, store }) => {
  await upload.open()
  await upload.set('Timeout in seconds', 1)
  await upload.set('Tries after a failure', 1)
  // Larger than what the system's buffers take in, and still sent in one request.
  wire.hold(0)
  const film = file('film.mp4', 15 * MB)
  await upload.pick(film)
  await upload.file(film).hasFailed('Upload stalled for 1 seconds, aborting.')
  expect(wire.exchanges).toHaveLength(2)
  await expect.poll(() => store.keys()).toEqual([])
})

test('a store that takes its time after the last byte has not stalled', async ({ upload, wire, store }) => {
  await upload.open()
  await upload.set('Timeout in seconds', 1)
  const held = wire.holdAnswer()
  await upload.pick(film)
  const row = upload.file(film)
  await row.is('finishing')
  const since = Date.now()
  await expect.poll(() => Date.now() - since).toBeGreaterThan(2_500)
  held.release()
  expect(await store.sha256(await row.isComplete())).toBe(film.sha256)
  expect(await store.keys()).toHaveLength(1)
})

for (const method of ['PUT', 'POST'] as const) {
  test(`three seconds of 503 delay an upload by ${method} and do not fail it`, async ({ upload, wire, store }) => {
    const files = [1, 2, 3, 4, 5].map(number => file(`file ${number}`, 100 * KB))
    await upload.open()
    await upload.setMethod(method)
    const busy = wire.answer(503, 'SlowDown', { forMs: 3_000 })
    await upload.pick(files)
    await expect(upload.withStatus('retrying').first()).toBeVisible()
    await expect(upload.withStatus('complete')).toHaveCount(5)
    expect(busy.exchanges.length).toBeGreaterThanOrEqual(5)
    expect(await store.contents()).toEqual(files.map(file => file.sha256).sort())
  })

  test(`an answer that is lost after the store has the file makes no second object (${method})`, async ({ upload, wire, store }) => {
    await upload.open()
    await upload.setMethod(method)
    wire.loseAnswer({ times: 1 })
    await upload.pick(film)
    const key = await upload.file(film).isComplete()
    expect(await store.keys()).toEqual([key])
    expect(await store.sha256(key)).toBe(film.sha256)
  })

  test(`a connection that breaks in the middle is tried again (${method})`, async ({ upload, wire, store }) => {
    await upload.open()
    await upload.setMethod(method)
    wire.reset(100 * KB, { times: 2 })
    await upload.pick(film)
    expect(await store.sha256(await upload.file(film).isComplete())).toBe(film.sha256)
    expect(wire.exchanges).toHaveLength(3)
  })

  test.describe(() => {
    test.use({ environment: { UPLOAD_EXPIRES: '2' } })

    test(`a signature that expires on the way is made anew (${method})`, async ({ upload, wire, store }) => {
      await upload.open()
      await upload.setMethod(method)
      const held = wire.hold(0, { times: 1 })
      await upload.pick(film)
      await wire.waitFor('the first request', () => wire.exchanges.length === 1)
      const since = Date.now()
      await expect.poll(() => Date.now() - since).toBeGreaterThan(3_500)
      held.release()
      expect(await store.sha256(await upload.file(film).isComplete())).toBe(film.sha256)
      expect(held.exchanges[0]!.storeStatus).toBe(403)
    })
  })
}

test('offline, nothing fails; back online, it goes on', async ({ upload, wire, store, context }) => {
  await upload.open()
  wire.hold(100 * KB, { times: 1 })
  await upload.pick(film)
  const row = upload.file(film)
  await wire.waitFor('the middle', () => wire.exchanges[0]?.received === 100 * KB)
  await context.setOffline(true)
  await wire.down()
  await row.is('offline')
  await wire.up()
  await context.setOffline(false)
  expect(await store.sha256(await row.isComplete())).toBe(film.sha256)
})

test('files picked while offline wait for the network', async ({ upload, store, context }) => {
  await upload.open()
  await context.setOffline(true)
  await upload.pick(film)
  await upload.file(film).is('offline')
  await context.setOffline(false)
  expect(await store.sha256(await upload.file(film).isComplete())).toBe(film.sha256)
})

test('a store that is gone for a while is found again', async ({ upload, wire, store }) => {
  await upload.open()
  await wire.down()
  await upload.pick(film)
  await upload.file(film).is('retrying')
  await wire.up()
  expect(await store.sha256(await upload.file(film).isComplete())).toBe(film.sha256)
})

test('one file that the store refuses does not hold up the others', async ({ upload, wire, store }) => {
  const files = [1, 2, 3, 4].map(number => file(`file ${number}`, 100 * KB))
  await upload.open()
  await upload.set('Limit', 1)
  wire.answer(400, 'InvalidArgument', { times: 1 })
  await upload.pick(files)
  await upload.file(files[0]!).hasFailed(/InvalidArgument/)
  await expect(upload.withStatus('complete')).toHaveCount(3)
  expect(await store.contents()).toEqual(files.slice(1).map(file => file.sha256).sort())
})

test('a signature that is refused without a word about its age is renewed, and the file goes through', async ({ upload, wire, page, store }) => {
  let signatures = 0
  page.on('request', request => (signatures += Number(request.url().includes('/api/sign_uploads'))))
  await upload.open()
  wire.answer(403, 'AccessDenied', { times: 1 })
  await upload.pick(film)
  expect(await store.sha256(await upload.file(film).isComplete())).toBe(film.sha256)
  expect(wire.exchanges).toHaveLength(2)
  expect(signatures).toBe(2)
})

test('an upload that the browser itself stops fails soon, with a word on content blockers', async ({ upload, wire, page, store }) => {
  await upload.open()
  await upload.setMethod('PUT')
  await page.route(`${wire.url}/uploads/**`, route => route.abort('blockedbyclient'))
  await upload.pick(film)
  await upload.file(film).hasFailed(/A content blocker is the likely reason/)
  expect(wire.exchanges).toEqual([])
  await page.unrouteAll()
  await upload.file(film).button('Retry').click()
  expect(await store.sha256(await upload.file(film).isComplete())).toBe(film.sha256)
})

test('a gateway that answers for a store that is away, as gateways do without CORS, is no content blocker', async ({ upload, wire, page, store }) => {
  await upload.open()
  await upload.setMethod('PUT')
  let failures = 0
  await page.route(`${wire.url}/uploads/**`, route => {
    if (route.request().method() !== 'PUT' || failures >= 4) return route.fallback()
    failures += 1
    return route.fulfill({ status: 502 })
  })
  await upload.pick(film)
  expect(await store.sha256(await upload.file(film).isComplete({ timeout: 45_000 }))).toBe(film.sha256)
  expect(failures).toBe(4)
})

test('a file whose bytes can not be read for a moment is read again', async ({ upload, page, store }) => {
  await page.addInitScript(() => {
    const read = Blob.prototype.arrayBuffer
    let failures = 0
    Blob.prototype.arrayBuffer = function (this: Blob) {
      if (failures++ < 3) return Promise.reject(new DOMException('It is locked.', 'NotReadableError'))
      return read.call(this)
    }
  })
  await upload.open()
  await upload.pick(film)
  await upload.file(film).is('retrying')
  expect(await store.sha256(await upload.file(film).isComplete({ timeout: 30_000 }))).toBe(film.sha256)
})

test('an `abort` event that nobody asked for, as Safari has them, is a network error', async ({ upload, page, store }) => {
  await page.addInitScript(() => {
    const send = XMLHttpRequest.prototype.send
    let aborted = false
    XMLHttpRequest.prototype.send = function (this: XMLHttpRequest, body) {
      send.call(this, body)
      if (aborted) return
      aborted = true
      setTimeout(() => this.dispatchEvent(new ProgressEvent('abort')))
    }
  })
  await upload.open()
  await upload.pick(film)
  await upload.file(film).is('retrying')
  expect(await store.sha256(await upload.file(film).isComplete())).toBe(film.sha256)
})

test('a `Retry-After` that is a date is waited for', async ({ upload, page, store }) => {
  const calls: number[] = []
  let notBefore = 0
  await page.route('**/api/sign_uploads*', route => {
    calls.push(Date.now())
    if (calls.length > 1) return route.continue()
    // Dates have whole seconds.
    notBefore = Math.floor(Date.now() / 1_000) * 1_000 + 4_000
    return route.fulfill({ status: 503, headers: { 'Retry-After': new Date(notBefore).toUTCString() } })
  })
  await upload.open()
  await upload.pick(film)
  expect(await store.sha256(await upload.file(film).isComplete())).toBe(film.sha256)
  expect(calls[1]).toBeGreaterThanOrEqual(notBefore)
})
