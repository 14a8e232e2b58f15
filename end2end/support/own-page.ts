import type { Page } from '@playwright/test'

/** Opens a page of the benchmark's own under the origin of the page under test, which the store's CORS rules allow. */
export async function openOwnPage(page: Page, path: string, html: string): Promise<void> {
  // A page that no server sent counts as one from elsewhere, which may not talk to this machine without leave.
  await page.context().grantPermissions(['local-network-access'])
  await page.route(path, route => route.fulfill({ contentType: 'text/html; charset=utf-8', body: html }))
  await page.goto(path)
  // Routes make Playwright see every request and answer preflights itself; uploads must have neither.
  await page.unrouteAll()
}
