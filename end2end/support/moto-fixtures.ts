import { expect, test as base } from './fixtures'
import { Moto } from './moto'
import { run, type Run } from './server'

export { expect }

interface Fixtures {
  /** The row of the table of providers that the server goes by. */
  provider: 'aws' | 'custom'
  moto: Moto
  /** Runs `leptos-aws-s3` with these arguments. */
  command: (...args: string[]) => Promise<Run>
}

/** The page and its server, with moto for a store in place of the embedded one. */
export const test = base.extend<Fixtures>({
  provider: ['custom', { option: true }],

  moto: async ({ ports }, use, testInfo) => {
    const moto = await Moto.start(ports.store)
    await use(moto)
    await moto.stop()
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach('moto output', { body: moto.output.join('\n'), contentType: 'text/plain' })
    }
  },

  variables: async ({ environment, provider, moto, ports, wire }, use) => {
    await use({
      S3_PROVIDER: provider,
      S3_BUCKET: Moto.bucket,
      S3_REGION: 'us-east-1',
      S3_ENDPOINT: moto.url,
      S3_PUBLIC_ENDPOINT: wire.url,
      S3_FORCE_PATH_STYLE: 'true',
      AWS_ACCESS_KEY_ID: Moto.keys.accessKey,
      AWS_SECRET_ACCESS_KEY: Moto.keys.secretKey,
      UPLOAD_ORIGINS: `http://127.0.0.1:${ports.page}`,
      ...environment,
    })
  },

  command: async ({ folder, variables }, use) => use((...args) => run(args, folder, variables)),
})
