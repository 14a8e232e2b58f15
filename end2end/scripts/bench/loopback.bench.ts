import type { Page } from '@playwright/test'
import { diskFile, MB, type DiskFile } from '../../support/files'
import { presign } from '../../support/presign'
import type { Store } from '../../support/store'
import { expectStored, test } from './fixtures'
import { median } from './measure'
import { watchMemory, type Memory } from './memory'
import { openOwnPage } from '../../support/own-page'
import { memoryColumns, printTable, row, type Row } from './table'
import { readyThisPage } from './this-page'

const BYTES = 1_024 * MB
const ROUNDS = 3

// Straight to the store.
test.use({ environment: { S3_PUBLIC_ENDPOINT: '' } })

/** One way to upload: `ready` picks the file, what it returns sends it and resolves with the milliseconds that took. */
interface Client {
  name: string
  ready: (file: DiskFile) => Promise<() => Promise<number>>
}

interface Round {
  milliseconds: number
  memory: Memory | undefined
}

test('1 GiB over loopback', async ({ upload, page, browser, folder, ports, store }) => {
  const file = await diskFile(folder, 'huge.bin', BYTES)
  const clients: Client[] = [
    bareRequest(page, store, `http://127.0.0.1:${ports.store}`),
    { name: 'this page, checksums off', ready: file => readyThisPage(upload, [file.path], { checksums: false }) },
    { name: 'this page', ready: file => readyThisPage(upload, [file.path]) },
  ]
  const rounds = new Map<Client, Round[]>(clients.map(client => [client, []]))
  // In turns, so that whatever else the machine does is everybody's.
  for (let round = 0; round < ROUNDS; round++) {
    for (const client of clients) {
      const send = await client.ready(file)
      let milliseconds = 0
      const memory = await watchMemory(browser, async () => void (milliseconds = await send()))
      await expectStored(store, [file])
      await store.remove((await store.keys())[0]!)
      rounds.get(client)!.push({ milliseconds, memory })
    }
  }
  printTable(
    `One file of 1 GiB over loopback, median of ${ROUNDS}; memory of the tab, the most of ${ROUNDS}`,
    clients.map(client => rowOf(client.name, rounds.get(client)!)),
  )
})

/** What a browser can do at best. */
function bareRequest(page: Page, store: Store, storeUrl: string): Client {
  return {
    name: 'bare XMLHttpRequest',
    ready: async file => {
      const url = presign('PUT', `${storeUrl}/uploads/bare`, await store.accessKeys())
      await openOwnPage(page, '/benchmark/bare', '<!doctype html><title>Bare</title><input type="file">')
      await page.locator('input').setInputFiles(file.path)
      return () => page.evaluate(put, url)
    },
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

function rowOf(client: string, rounds: Round[]): Row {
  const memories = rounds.flatMap(({ memory }) => memory ?? [])
  const most = memories.toSorted((a, b) => b.peak - b.idle - (a.peak - a.idle))[0]
  return {
    ...row({ client, bytes: BYTES, milliseconds: median(rounds.map(round => round.milliseconds)) }),
    ...memoryColumns(most),
  }
}
