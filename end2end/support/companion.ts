import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { stopChild, untilItSays } from './child'
import type { AccessKeys } from './store'
import { version } from './versions'

const script = fileURLToPath(new URL('../companion/serve.mjs', import.meta.url))

export interface CompanionOptions {
  port: number
  folder: string
  /** Of the pages it signs for. */
  origin: string
  /** Where browsers reach the store. Companion knows one address of it, so its own requests take the same way. */
  storeUrl: string
  keys: AccessKeys
}

/** Uppy's own signer as published, in a process of its own. */
export class Companion {
  static readonly version = version('companion/node_modules/@uppy/companion')

  readonly output: string[] = []

  private constructor(
    readonly url: string,
    private readonly process: ChildProcess,
  ) {}

  /** Returns when it says that it listens. */
  static async start({ port, folder, origin, storeUrl, keys }: CompanionOptions): Promise<Companion> {
    const child = spawn(process.execPath, [script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'production',
        COMPANION_PORT: String(port),
        COMPANION_DATADIR: folder,
        COMPANION_DOMAIN: `127.0.0.1:${port}`,
        COMPANION_PROTOCOL: 'http',
        COMPANION_SECRET: 'of no use to anybody',
        COMPANION_PREAUTH_SECRET: 'of no use to anybody else',
        COMPANION_CLIENT_ORIGINS: origin,
        // For transfers of its own, of which there are none here; it does not start without.
        COMPANION_UPLOAD_URLS: storeUrl,
        COMPANION_AWS_ENDPOINT: storeUrl,
        COMPANION_AWS_FORCE_PATH_STYLE: 'true',
        COMPANION_AWS_BUCKET: 'uploads',
        COMPANION_AWS_REGION: 'us-east-1',
        COMPANION_AWS_KEY: keys.accessKey,
        COMPANION_AWS_SECRET: keys.secretKey,
      },
    })
    const companion = new Companion(`http://127.0.0.1:${port}`, child)
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(companion.output.join('\n'))))
    ended.catch(() => {})
    await Promise.race([companion.#listens(), ended])
    return companion
  }

  stop(): Promise<void> {
    return stopChild(this.process, 'SIGKILL')
  }

  #listens(): Promise<void> {
    return untilItSays(this.process, this.output, `listens on ${this.url}`)
  }
}
