import { AppPage } from './app-page'
import { expect, test as base } from './fixtures'
import { freePort } from './server'
import type { Store } from './store'
import type { TestFile } from './files'

export { expect }

/** With a page of another site than the server's, which the server and its store allow. */
export const test = base.extend<{ app: AppPage }>({
  app: async ({}, use, { parallelIndex }) => {
    const app = await AppPage.start(await freePort(parallelIndex))
    await use(app)
    await app.stop()
  },

  environment: async ({ app }, use) => use({ COMPANION_ORIGINS: app.origin }),
})

/** Byte for byte, and nothing beside it. */
export async function isStored(store: Store, key: string | undefined, file: TestFile): Promise<void> {
  expect(key).toBeTruthy()
  expect(await store.sha256(key!)).toBe(file.sha256)
  expect(await store.everything()).toEqual([key])
}
