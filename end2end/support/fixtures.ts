import { mkdtemp, mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test as base } from '@playwright/test'
import { Problems } from './problems'
import { freePort, Server, type Environment } from './server'
import { Store } from './store'
import { UploadPage } from './upload-page'
import { Wire } from './wire'

export { expect }

interface Options {
  /** More environment for the server, as `UPLOAD_EXPIRES`. */
  environment: Environment
}

interface Fixtures {
  /** A folder of this test's own, gone after it. */
  folder: string
  /** Between the browser and the store. */
  wire: Wire
  /** All that the server is told by its environment. */
  variables: Environment
  server: Server
  store: Store
  upload: UploadPage
  /** What the browser's console says. No test passes with a problem of the page's own in it. */
  problems: Problems
}

interface Internal {
  ports: { page: number; store: number }
}

/** Every test has a server, a store and a wire to itself. */
export const test = base.extend<Options & Fixtures & Internal>({
  environment: [{}, { option: true }],

  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'end2end-'))
    await use(folder)
    await rm(folder, { recursive: true })
  },

  ports: async ({}, use, { parallelIndex }) => {
    await use({ page: await freePort(parallelIndex), store: await freePort(parallelIndex) })
  },

  wire: async ({ ports }, use) => {
    const wire = await Wire.start(ports.store)
    await use(wire)
    await wire.stop()
  },

  variables: async ({ environment, folder, ports, wire }, use) => {
    await mkdir(join(folder, 'store'))
    await use({
      EMBEDDED_S3_ADDR: `127.0.0.1:${ports.store}`,
      EMBEDDED_S3_DIR: join(folder, 'store'),
      S3_PUBLIC_ENDPOINT: wire.url,
      ...environment,
    })
  },

  server: async ({ variables, folder, ports }, use, testInfo) => {
    const server = await Server.start(ports.page, folder, variables)
    await use(server)
    await server.stop('SIGKILL')
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach('server output', { body: server.output.join('\n'), contentType: 'text/plain' })
    }
    expect(server.output.filter(line => line.includes('panicked'))).toEqual([])
  },

  store: async ({ folder, server }, use) => {
    void server
    await use(new Store(join(folder, 'store')))
  },

  baseURL: async ({ server }, use) => use(server.url),

  upload: async ({ page, folder }, use) => use(new UploadPage(page, folder)),

  problems: [
    async ({ context }, use) => {
      const problems = new Problems()
      context.on('page', page => problems.watch(page))
      await use(problems)
      expect(problems.own).toEqual([])
    },
    { auto: true },
  ],
})
