import type { Browser } from '@playwright/test'
import { UnwatchedPage } from './unwatched-page'

/**
 * A page with nothing but a file input, under the origin of the page under test: the store's CORS rules allow that one.
 * What the server answers there is its own page for what is not found, of which nothing stays, and whose policy does not hold.
 */
export async function openOwnPage(browser: Browser, url: string): Promise<UnwatchedPage> {
  const page = await UnwatchedPage.open(browser, `${url}/benchmark`, { bypassCSP: true })
  await page.evaluate(() => void (document.body.innerHTML = '<input type="file" multiple>'))
  return page
}
