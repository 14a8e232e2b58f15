import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Page } from '@playwright/test'
import { expect, isStored, test } from '../support/app-fixtures'
import { AppPage } from '../support/app-page'
import { file, KB, MB, onDisk, type TestFile } from '../support/files'
import { freePort } from '../support/server'
import { uppyScript } from '../support/uppy/bundle'

/** Three parts of 5 MiB, the last of them shorter, as Uppy cuts it. */
const film = file('film 1 ü.mp4', 12 * MB, 'video/mp4')

const note = file('note & more.txt', 3 * KB, 'text/plain')

async function open(page: Page, app: AppPage, folder: string, script: string, file: TestFile): Promise<void> {
  app.html = `<!doctype html><title>App</title><input type="file"><script>${script}</script>`
  await page.goto(app.origin)
  await page.locator('input').setInputFiles(await onDisk(folder, file))
}

test.describe('Uppy 6', () => {
  for (const [what, file, options, requests] of [
    ['a small file in one form', note, {}, ['POST']],
    ['a large file in parts', film, { shouldUseMultipart: true }, ['PUT', 'PUT', 'PUT']],
  ] as const) {
    test(`uploads ${what}, with this server as its Companion`, async ({ page, app, folder, server, store, wire }) => {
      await open(page, app, folder, await uppyScript(), file)
      const { files } = await page.evaluate(
        ({ url, options }) => window.uploadWithUppy(url, options),
        { url: server.url, options },
      )
      await isStored(store, files[0]!.key, file)
      expect(files[0]!.location).toBe(`${wire.url}/uploads/${encodeURIComponent(files[0]!.key!).replaceAll('%2F', '/')}`)
      expect(wire.exchanges.map(exchange => exchange.method)).toEqual(requests)
    })
  }

  test('uploads nothing from a page of an origin that is not configured', async ({ page, app, folder, server, store, problems }) => {
    problems.expect(/\[Uppy\].* Failed to fetch/)
    const other = await AppPage.start(await freePort(test.info().parallelIndex))
    try {
      await open(page, other, folder, await uppyScript(), note)
      const upload = page.evaluate(url => window.uploadWithUppy(url, {}), server.url)
      await expect(upload).rejects.toThrow('1 failed')
      expect(other.origin).not.toBe(app.origin)
    } finally {
      await other.stop()
    }
    expect(await store.everything()).toEqual([])
  })
})

/** What Uppy 4 and 5 say of an answer to a form; they go on. */
const WITHOUT_LOCATION = /Could not read the Location header/

for (const older of [3, 4, 5] as const) {
  test.describe(`Uppy ${older}`, () => {
    for (const [what, file, options, requests] of [
      ['a small file in one form', note, {}, ['POST']],
      ['a large file in parts', film, { shouldUseMultipart: true }, ['PUT', 'PUT', 'PUT']],
    ] as const) {
      test(`uploads ${what}, with this server as its Companion`, async ({ page, app, folder, server, store, wire, problems }) => {
        problems.expect(WITHOUT_LOCATION)
        await open(page, app, folder, await uppyScript(older), file)
        await page.evaluate(({ url, options }) => window.uploadWithUppy(url, options), { url: server.url, options })
        await isStored(store, (await store.keys())[0], file)
        expect(wire.exchanges.map(exchange => exchange.method)).toEqual(requests)
      })
    }
  })
}

for (const version of [3, 4, 5, 6] as const) {
  test.describe(`what Uppy ${version} says of a file`, () => {
    const script = () => uppyScript(version === 6 ? undefined : version)

    test.describe('with limits', () => {
      test.use({
        environment: async ({ app }, use) => use({ COMPANION_ORIGINS: app.origin, UPLOAD_ALLOWED_TYPES: 'image/*' }),
      })

      for (const shouldUseMultipart of [false, true]) {
        test(`has this server's reason if it is refused, ${shouldUseMultipart ? 'in parts' : 'in one form'}`, async ({
          page, app, folder, server, store, problems,
        }) => {
          problems.expect(/status of 400|\[Uppy\]/)
          await open(page, app, folder, await script(), note)
          const upload = page.evaluate(
            ({ url, options }) => window.uploadWithUppy(url, options),
            { url: server.url, options: { shouldUseMultipart } },
          )
          await expect(upload).rejects.toThrow('s3: Files of type text/plain are not accepted here. Accepted: image/*.')
          expect(await store.everything()).toEqual([])
        })
      }
    })

    test.describe('in metadata', () => {
      test.use({ environment: async ({ app }, use) => use({ COMPANION_ORIGINS: app.origin, UPLOAD_META: '*' }) })

      for (const shouldUseMultipart of [false, true]) {
        test(`refuses no file, whatever it is called, ${shouldUseMultipart ? 'in parts' : 'in one form'}`, async ({
          page, app, folder, server, store, problems,
        }) => {
          problems.expect(WITHOUT_LOCATION)
          await open(page, app, folder, await script(), note)
          const meta = { 'my caption': 'ü', Größe: '1', Name: 'A' }
          await page.evaluate(
            ({ url, options, meta }) => window.uploadWithUppy(url, options, meta),
            { url: server.url, options: { shouldUseMultipart }, meta },
          )
          await isStored(store, (await store.keys())[0], note)
        })
      }
    })
  })
}

/** What the bundle of 2018 puts into `window`, as far as it is used here. */
interface Uppy2018 {
  Core: (options: object) => Uppy2018Core
  AwsS3: object
  AwsS3Multipart: object
}

interface Uppy2018Core {
  use(plugin: object, options: object): Uppy2018Core
  addFile(file: object): void
  upload(): Promise<{ successful: { id: string }[]; failed: { error: string }[] }>
  getFile(id: string): { meta: Record<string, string>; uploadURL: string }
}

test.describe('Uppy of 2018', () => {
  const bundle = fileURLToPath(new URL('../node_modules/uppy-2018/dist/uppy.min.js', import.meta.url))

  /** Uploads what the input holds; what Uppy then knows of the file. */
  async function upload(page: Page, plugin: 'AwsS3' | 'AwsS3Multipart', serverUrl: string) {
    return page.evaluate(async ({ plugin, serverUrl }) => {
      const { Uppy } = window as unknown as { Uppy: Uppy2018 }
      const uppy = Uppy.Core({ autoProceed: false }).use(Uppy[plugin], { serverUrl })
      const [file] = document.querySelector('input')!.files!
      uppy.addFile({ name: file!.name, type: file!.type, data: file })
      const { successful, failed } = await uppy.upload()
      if (failed.length > 0) throw new Error(`it failed: ${failed[0]!.error}`)
      return uppy.getFile(successful[0]!.id)
    }, { plugin, serverUrl })
  }

  test("uploads a small file in one form, and has its key in file.meta['key']", async ({ page, app, folder, server, store, wire }) => {
    await open(page, app, folder, await readFile(bundle, 'utf8'), note)
    const uploaded = await upload(page, 'AwsS3', server.url)
    await isStored(store, uploaded.meta['key'], note)
    expect(wire.exchanges.map(exchange => exchange.method)).toEqual(['POST'])
  })

  test('uploads a large file in parts, with a slash at the end of the address', async ({ page, app, folder, server, store, wire }) => {
    await open(page, app, folder, await readFile(bundle, 'utf8'), film)
    const uploaded = await upload(page, 'AwsS3Multipart', `${server.url}/`)
    await isStored(store, (await store.keys())[0], film)
    expect(decodeURIComponent(uploaded.uploadURL)).toBe(`${wire.url}/uploads/${(await store.keys())[0]}`)
    expect(wire.exchanges.map(exchange => exchange.part).sort()).toEqual([1, 2, 3])
  })
})
