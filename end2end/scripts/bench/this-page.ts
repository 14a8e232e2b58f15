import type { Browser } from '@playwright/test'
import type { Client } from './client'
import { measure } from './measure'
import { UnwatchedPage } from './unwatched-page'

/** Requests at the same time, for every client. */
export const LIMIT = 6

/** The page under test, with files picked. */
export class ThisPage implements Client {
  static readonly client = 'this page'

  private constructor(
    private readonly page: UnwatchedPage,
    private readonly files: number,
  ) {}

  static async ready(browser: Browser, url: string, paths: string[], { checksums = true } = {}): Promise<ThisPage> {
    const page = await UnwatchedPage.open(browser, url)
    await page.evaluate(setOptions, LIMIT, checksums)
    await page.pick('input[type=file]:not([webkitdirectory])', paths)
    await page.evaluate(untilListed, paths.length)
    return new ThisPage(page, paths.length)
  }

  async upload(): Promise<number> {
    const { milliseconds } = await this.page.run<{ milliseconds: number }>(
      `(${measure})(${clickUpload}, '[data-status=complete]', ${this.files})`,
    )
    return milliseconds
  }

  /** What the page says of how its only file was verified. */
  async verified(): Promise<string> {
    return this.page.evaluate(() => document.querySelector('.verified')?.textContent ?? '')
  }

  close(): Promise<void> {
    return this.page.close()
  }
}

/** In the page, once WASM has taken over: files wait for the button. */
async function setOptions(limit: number, checksums: boolean): Promise<void> {
  while (document.documentElement.dataset.hydrated === undefined) await new Promise(requestAnimationFrame)
  const control = (name: string) => {
    const label = [...document.querySelectorAll('label')].find(label => label.textContent?.includes(name))
    if (!label?.control) throw new Error(`there is no option “${name}”`)
    return label.control as HTMLInputElement
  }
  if (control('Start at once').checked) control('Start at once').click()
  if (control('Checksums').checked !== checksums) control('Checksums').click()
  control('Limit').value = String(limit)
  for (const event of ['input', 'change']) control('Limit').dispatchEvent(new Event(event, { bubbles: true }))
}

/** In the page. */
async function untilListed(files: number): Promise<void> {
  while (document.querySelectorAll('[data-status]').length < files) await new Promise(requestAnimationFrame)
}

/** In the page. */
function clickUpload(): void {
  const button = [...document.querySelectorAll('button')].find(button => button.textContent?.trim() === 'Upload')
  button!.click()
}
