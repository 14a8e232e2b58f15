import type { Browser } from '@playwright/test'
import type { Client } from './client'
import { openOwnPage } from './own-page'
import type { UnwatchedPage } from './unwatched-page'

/** One `XMLHttpRequest` with the whole file: what a browser can do at best. */
export class BarePage implements Client {
  static readonly client = 'bare XMLHttpRequest'

  private constructor(
    private readonly page: UnwatchedPage,
    private readonly putUrl: string,
  ) {}

  static async ready(browser: Browser, url: string, putUrl: string, path: string): Promise<BarePage> {
    const page = await openOwnPage(browser, url)
    await page.pick('input', [path])
    return new BarePage(page, putUrl)
  }

  upload(): Promise<number> {
    return this.page.evaluate(put, this.putUrl)
  }

  close(): Promise<void> {
    return this.page.close()
  }
}

/** In the page. */
function put(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('PUT', url)
    // As an uploader does; it is what makes the browser report progress.
    request.upload.onprogress = () => {}
    request.onerror = () => reject(new Error('the request failed'))
    const start = performance.now()
    request.onload = () => {
      if (request.status === 200) resolve(performance.now() - start)
      else reject(new Error(`${request.status}: ${request.responseText}`))
    }
    request.send(document.querySelector('input')!.files![0]!)
  })
}
