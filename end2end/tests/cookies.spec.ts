import { file, KB, MB } from '../support/files'
import { expect, test } from '../support/fixtures'

const photo = file('photo.jpg', 300 * KB, 'image/jpeg')
const film = file('film.mp4', 20 * MB)

test('a browser that keeps no cookie hears of it before a byte is sent', async ({ upload, wire, store, page, server }) => {
  // As with cookies blocked: none comes in, so none goes out.
  await page.route(`${server.url}/**`, async route => {
    const request = route.request()
    const answer = await fetch(request.url(), {
      method: request.method(),
      headers: await request.allHeaders(),
      body: request.postData(),
    })
    const headers = Object.fromEntries(answer.headers)
    delete headers['set-cookie']
    delete headers['content-encoding']
    await route.fulfill({ status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()) })
  })
  await upload.open()
  for (const picked of [photo, film]) {
    await upload.pick(picked)
    await upload.file(picked).hasFailed(
      "This file could not be prepared: This browser keeps no cookie of this page, and without one the server can't tell " +
        'whose upload is whose. Allow cookies for this site, then try again.',
    )
  }
  expect(wire.exchanges).toEqual([])
  expect(await store.everything()).toEqual([])
})

test('a cookie that was deleted comes again, and the next file is uploaded', async ({ upload, store, page }) => {
  await upload.open()
  await page.context().clearCookies()
  await upload.pick(photo)
  expect(await store.sha256(await upload.file(photo).isComplete())).toBe(photo.sha256)
})
