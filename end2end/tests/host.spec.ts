import type { Page } from '@playwright/test'
import type { AppPage } from '../support/app-page'
import { expect, isStored, test as base } from '../support/app-fixtures'
import { Companion } from '../support/companion'
import { file, KB, MB, onDisk } from '../support/files'
import { freePort } from '../support/server'

/** Three parts of 8 MiB, the last of them shorter. */
const film = file('film 1 ü.mp4', 20 * MB, 'video/mp4')

const note = file('note & more.txt', 3 * KB, 'text/plain')

const html = `<!doctype html><html lang="en"><title>App</title><body>
<script type="module">import init from './host.js'; await init()</script>`

/** The plugin with `host`, on a page that no server of this project knows. */
const test = base.extend<{ companion: Companion }>({
  companion: async ({ app, folder, wire, store }, use, { parallelIndex }) => {
    const port = await freePort(parallelIndex)
    const keys = await store.accessKeys()
    const companion = await Companion.start({ port, folder, origin: app.origin, storeUrl: wire.url, keys })
    await use(companion)
    await companion.stop()
  },
})

async function open(page: Page, app: AppPage, host: string): Promise<void> {
  app.html = html
  await page.goto(`${app.origin}/?host=${encodeURIComponent(host)}`)
}

test.describe('the plugin with the published Companion as its host', () => {
  test('uploads a small file in one form', async ({ page, app, companion, upload, store, wire }) => {
    await open(page, app, `${companion.url}/`)
    await upload.pick(note)
    await isStored(store, await upload.file(note).isComplete(), note)
    expect(wire.exchanges.map(exchange => exchange.method)).toEqual(['POST'])
  })

  test('uploads a large file in parts, and sends again what was cut off', async ({ page, app, companion, upload, store, wire }) => {
    await open(page, app, companion.url)
    const cut = wire.reset(1 * MB, { part: 2, times: 1 })
    const said = page.waitForEvent('console', message => message.text().includes(' is at '))
    await upload.pick(film)
    const key = await upload.file(film).isComplete()
    await isStored(store, key, film)
    expect((await said).text()).toContain(`${key} is at ${wire.url}/uploads/`)
    expect(cut.exchanges).toHaveLength(1)
    expect(wire.exchanges.flatMap(exchange => exchange.part ?? []).sort()).toEqual([1, 2, 2, 3])
  })

  test('sends again a part that the store does not list, and does not complete the file without it', async ({ page, app, companion, upload, store, wire }) => {
    let lists = 0
    await page.route(/\/s3\/multipart\/[^/]+\?key=/, async route => {
      if (route.request().method() !== 'GET' || lists++ > 0) return route.continue()
      const response = await route.fetch()
      const parts = (await response.json()) as { PartNumber: number }[]
      await route.fulfill({ response, json: parts.filter(part => part.PartNumber !== 2) })
    })
    await open(page, app, companion.url)
    await upload.pick(film)
    await isStored(store, await upload.file(film).isComplete(), film)
    expect(wire.exchanges.flatMap(exchange => exchange.part ?? []).sort()).toEqual([1, 2, 2, 3])
  })

  test('leaves nothing of a large file that is cancelled in the middle', async ({ page, app, companion, upload, store, wire }) => {
    await open(page, app, companion.url)
    const held = wire.hold(1 * MB, { part: 3 })
    await upload.pick(film)
    await wire.waitFor('the middle', () => held.exchanges[0]?.received === 1 * MB)
    expect(await store.everything()).not.toEqual([])
    await upload.file(film).button('Cancel').click()
    held.release()
    await expect.poll(() => store.everything()).toEqual([])
  })

  test('goes on after a reload with what the store has', async ({ page, app, companion, folder, upload, store, wire }) => {
    await open(page, app, companion.url)
    const held = wire.hold(1 * MB, { part: 3, times: 1 })
    const path = await onDisk(folder, film)
    await upload.pick(path)
    await wire.waitFor('two parts are stored', () => wire.exchanges.filter(exchange => exchange.part && exchange.status === 200).length === 2)
    await page.reload()
    held.release()
    await upload.file(film).is('interrupted')
    await upload.pick(path)
    await isStored(store, await upload.file(film).isComplete(), film)
    // What had left of the third may have reached the store all the same.
    expect(wire.exchanges.flatMap(({ part }) => (part && part < 3 ? [part] : [])).sort()).toEqual([1, 2])
  })
})

test('the plugin takes this server too as its host', async ({ page, app, server, upload, store }) => {
  await open(page, app, server.url)
  await upload.pick(film)
  await isStored(store, await upload.file(film).isComplete(), film)
})

test.describe('a host that refuses', () => {
  test.use({ environment: async ({ app }, use) => use({ COMPANION_ORIGINS: app.origin, UPLOAD_ALLOWED_TYPES: 'image/*' }) })

  test('says why, in its own words', async ({ page, app, server, upload, store }) => {
    await open(page, app, server.url)
    await upload.pick(note)
    await upload.file(note).hasFailed(/Files of type text\/plain are not accepted here\. Accepted: image\/\*\./)
    expect(await store.everything()).toEqual([])
  })
})
