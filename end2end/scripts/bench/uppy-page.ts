import { fileURLToPath } from 'node:url'
import type { Page } from '@playwright/test'
import { build } from 'esbuild'
import { Companion } from './companion'
import { openOwnPage } from './own-page'
import { version } from './versions'

const script = fileURLToPath(new URL('uppy/page.ts', import.meta.url))

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
    const { outputFiles } = await build({
      entryPoints: [script],
      bundle: true,
      minify: true,
      format: 'iife',
      write: false,
      define: { 'process.env.NODE_ENV': '"production"' },
    })
    // The end of a script must not stand in it.
    const code = outputFiles[0]!.text.replaceAll('</script', '<\\/script')
    await openOwnPage(
      this.page,
      '/benchmark/uppy',
      `<!doctype html><title>Uppy</title><input type="file" multiple><script>${code}</script>`,
    )
  }

  /** Uploads files of these paths, and returns the milliseconds from the start to the last answer. */
  async upload(paths: string[], limit: number): Promise<number> {
    await this.page.locator('input').setInputFiles(paths)
    try {
      const parameters = { url: this.companion.url, limit }
      return await this.page.evaluate(({ url, limit }) => window.uploadWithUppy(url, limit), parameters)
    } catch (error) {
      throw new Error(`${error}\nCompanion said:\n${this.companion.output.slice(-20).join('\n')}`)
    }
  }
}
