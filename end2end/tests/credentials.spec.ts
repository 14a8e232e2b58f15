import { mergeTests, type Page } from '@playwright/test'
import type Uppy from '@uppy/core'
import { test as appTest } from '../support/app-fixtures'
import { file, KB, MB, onDisk, type TestFile } from '../support/files'
import { Moto } from '../support/moto'
import { expect, test as motoTest } from '../support/moto-fixtures'
import { credentialsScript } from '../support/uppy/bundle'
import type { uploadPicked } from '../support/uppy/upload'

declare global {
  interface Window {
    uppy: Uppy
    uploadPicked: typeof uploadPicked
  }
}

/** How STS names temporary credentials. */
const TEMPORARY = /^ASIA/

const photo = file('holiday ü.jpg', 300 * KB, 'image/jpeg')

/** Three parts of 5 MiB, the last of them shorter, as Uppy cuts it. */
const film = file('film 1.mp4', 12 * MB, 'video/mp4')

/** A page with the README's example on it. moto is the store, and the STS too. */
const test = mergeTests(motoTest, appTest).extend<{ pick: (file: TestFile) => Promise<void> }>({
  environment: async ({ app }, use) =>
    use({ COMPANION_ORIGINS: app.origin, COMPANION_STS_ROLE_ARN: 'arn:aws:iam::123456789012:role/uploads' }),

  pick: async ({ page, app, folder, server, wire, command }, use) => {
    expect(await command('cors', 'apply', '--origin', app.origin)).toMatchObject({ code: 0 })
    // moto says by the bucket's rules what a page may send, but forgets to in its answers to POST.
    wire.letRead(app.origin)
    const script = await credentialsScript({
      'https://my-bucket.s3.eu-central-1.amazonaws.com': `${wire.url}/${Moto.bucket}`,
      'https://uploads.my-app.com': server.url,
    })
    app.html = `<!doctype html><title>App</title><input type="file"><script>${script}</script>`
    await page.goto(app.origin)
    await use(async file => page.locator('input').setInputFiles(await onDisk(folder, file)))
  },
})

/** Uploads what was picked, and sees that the store has it and nothing besides. */
async function arrives(page: Page, moto: Moto, file: TestFile): Promise<void> {
  const { files } = await page.evaluate(() => window.uploadPicked(window.uppy))
  const [{ key }] = files as [{ key: string }]
  expect(key).toMatch(/^uploads\/[-0-9a-f]{36}\//)
  expect(await moto.sha256(key)).toBe(file.sha256)
  expect(await moto.everything()).toEqual([key])
}

/** As Uppy does by itself above 100 MB. */
async function sendInParts(page: Page): Promise<void> {
  await page.evaluate(() => window.uppy.getPlugin('AwsS3')!.setOptions({ shouldUseMultipart: true }))
}

test('Uppy 6 uploads a small file with temporary credentials', async ({ page, moto, wire, pick }) => {
  await pick(photo)
  await arrives(page, moto, photo)
  expect(wire.exchanges.map(exchange => exchange.method)).toEqual(['PUT'])
  expect(wire.exchanges[0]!.accessKey).toMatch(TEMPORARY)
})

test('Uppy 6 uploads a large file in parts, all with the same temporary credentials', async ({ page, moto, wire, pick }) => {
  await pick(film)
  await sendInParts(page)
  await arrives(page, moto, film)
  expect(wire.exchanges.map(exchange => exchange.method)).toEqual(['POST', 'PUT', 'PUT', 'PUT', 'POST'])
  expect(new Set(wire.exchanges.map(exchange => exchange.accessKey)).size).toBe(1)
})

test('Uppy 6 asks for credentials again when the store says that they have ended, and goes on', async ({ page, moto, wire, pick, problems }) => {
  // It looks there for S3's error code, and then in the body.
  problems.expect(/Refused to get unsafe header "x-amz-error-code"/)
  const asked: string[] = []
  page.on('request', request => request.url().endsWith('/s3/sts') && asked.push(request.method()))
  await pick(film)
  await sendInParts(page)
  wire.answer(400, 'ExpiredToken', { part: 2, times: 1 })
  await arrives(page, moto, film)
  const parts = wire.exchanges.filter(exchange => exchange.part)
  expect(parts.map(({ part, status }) => [part, status])).toEqual([[1, 200], [2, 400], [2, 200], [3, 200]])
  expect(asked).toEqual(['GET', 'GET'])
  // They have most of their life before them, so that the server did not ask for others.
  expect(new Set(parts.map(exchange => exchange.accessKey)).size).toBe(1)
  expect(parts[0]!.accessKey).toMatch(TEMPORARY)
})

test('what Uppy 6 cancels leaves nothing in the store', async ({ page, moto, wire, pick }) => {
  await pick(film)
  await sendInParts(page)
  const held = wire.hold(1 * MB, { part: 2 })
  await page.evaluate(() => void window.uploadPicked(window.uppy))
  await wire.waitFor('the second part is under way', () => held.exchanges[0]?.received === 1 * MB)
  expect(await moto.unfinished()).toHaveLength(1)
  await page.evaluate(() => window.uppy.cancelAll())
  held.release()
  await expect.poll(() => moto.everything()).toEqual([])
})
