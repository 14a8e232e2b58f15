import type { Browser } from '@playwright/test'
import { Companion } from '../../support/companion'
import { uppyScript } from '../../support/uppy/bundle'
import { version } from '../../support/versions'
import type { Client } from './client'
import { openOwnPage } from './own-page'
import { LIMIT } from './this-page'
import type { UnwatchedPage } from './unwatched-page'

/** A page with the published Uppy on it. */
export class UppyPage implements Client {
  static readonly client =
    `Uppy ${version('node_modules/@uppy/core')}, aws-s3 ${version('node_modules/@uppy/aws-s3')}, ` +
    `signed by Companion ${Companion.version}`

  private constructor(
    private readonly page: UnwatchedPage,
    private readonly companion: Companion,
  ) {}

  static async ready(browser: Browser, url: string, companion: Companion, paths: string[]): Promise<UppyPage> {
    const page = await openOwnPage(browser, url)
    await page.run(`${await uppyScript()}; undefined`)
    await page.pick('input', paths)
    return new UppyPage(page, companion)
  }

  async upload(): Promise<number> {
    try {
      const upload = (url: string, limit: number) => window.uploadWithUppy(url, { limit })
      const { milliseconds } = await this.page.evaluate(upload, this.companion.url, LIMIT)
      return milliseconds
    } catch (error) {
      throw new Error(`${error}\nCompanion said:\n${this.companion.output.slice(-20).join('\n')}`)
    }
  }

  close(): Promise<void> {
    return this.page.close()
  }
}
