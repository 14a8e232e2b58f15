import type { Page } from '@playwright/test'

/** Parts that the journal has, and 0 for the upload itself. */
export function noted(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const open = indexedDB.open('leptos-aws-s3')
    await new Promise(resolve => (open.onsuccess = resolve))
    const keys = open.result.transaction('uploads').objectStore('uploads').getAllKeys()
    await new Promise(resolve => (keys.onsuccess = resolve))
    open.result.close()
    return (keys.result as unknown as [string, number?][]).map(([, part]) => part ?? 0)
  })
}
