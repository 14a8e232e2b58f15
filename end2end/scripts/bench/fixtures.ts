import { test as base, expect } from '../../support/fixtures'
import type { DiskFile } from '../../support/files'
import { Link, type LinkSpeed } from '../../support/link'
import { freePort } from '../../support/server'
import type { Store } from '../../support/store'
import { Companion } from '../../support/companion'

export { expect }

/** The line that the transfers are compared on. */
export const SPEED: LinkSpeed = { roundTripMs: 80, connectionMbit: 20, totalMbit: 100 }

interface Fixtures {
  link: Link
  /** Signs for Uppy. */
  companion: Companion
}

/** The browser reaches the store over `link`; the page and the signers are as near as can be, for every client. */
export const test = base.extend<Fixtures>({
  link: async ({ ports }, use) => {
    const link = await Link.start(ports.store, SPEED)
    await use(link)
    await link.stop()
  },

  environment: async ({ link }, use) => use({ S3_PUBLIC_ENDPOINT: link.url }),

  companion: async ({ folder, link, server, store }, use, { parallelIndex }) => {
    const companion = await Companion.start({
      port: await freePort(parallelIndex),
      folder,
      origin: server.url,
      storeUrl: link.url,
      keys: await store.accessKeys(),
    })
    await use(companion)
    await companion.stop()
  },
})

/** A fast run that stored something else is none. */
export async function expectStored(store: Store, files: DiskFile[]): Promise<void> {
  const keys = await store.keys()
  const stored = keys.map(async key => `${await store.size(key)} bytes, SHA-256 ${await store.sha256(key)}`)
  const sent = files.map(({ size, sha256 }) => `${size} bytes, SHA-256 ${sha256}`)
  expect((await Promise.all(stored)).sort()).toEqual(sent.sort())
}
