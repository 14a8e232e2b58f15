import type { Page } from '@playwright/test'
import { Companion } from '../../support/companion'
import { openOwnPage } from '../../support/own-page'
import { uppyScript } from '../../support/uppy/bundle'
import { version } from '../../support/versions'

/** A page with the published Uppy on it. */
export class UppyPage {
  static readonly client =
    `Uppy ${version('node_modules/@uppy/core')}, aws-s3 ${version('node_modules/@uppy/aws-s3')}, ` +
    `signed by Companion ${Companion.version}`

  constructor(
    private readonly page: Page,
    private readonly companion: Companion,
  ) {}

  async open(): Promise<void> {
    const script = await uppyScript()
    await openOwnPage(
      this.page,
      '/benchmark/uppy',
      `<!doctype html><title>Uppy</title><input type="file" multiple><script>${script}</script>`,
    )
  }

  /** Uploads files of these paths, and returns the milliseconds from the start to the last answer. */
  async upload(paths: string[], limit: number): Promise<number> {
    await this.page.locator('input').setInputFiles(paths)
    try {
      const parameters = { url: this.companion.url, limit }
      const { milliseconds } = await this.page.evaluate(
        ({ url, limit }) => window.uploadWithUppy(url, { limit }),
        parameters,
      )
      return milliseconds
    } catch (error) {
      throw new Error(`${error}\nCompanion said:\n${this.companion.output.slice(-20).join('\n')}`)
    }
  }
}
