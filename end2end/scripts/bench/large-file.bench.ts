import { diskFile, MB } from '../../support/files'
import { expectStored, SPEED, test } from './fixtures'
import { describe, printTable, row, type Row } from './table'
import { LIMIT, ThisPage } from './this-page'
import { UppyPage } from './uppy-page'

const BYTES = 200 * MB

const rows: Row[] = []

test('one large file with this page', async ({ browser, server, folder, store }) => {
  const file = await diskFile(folder, 'large.bin', BYTES)
  const page = await ThisPage.ready(browser, server.url, [file.path])
  const milliseconds = await page.upload()
  await page.close()
  await expectStored(store, [file])
  rows.push(row({ client: ThisPage.client, bytes: BYTES, milliseconds }, SPEED))
})

test('one large file with Uppy', async ({ browser, server, companion, folder, store }) => {
  const file = await diskFile(folder, 'large.bin', BYTES)
  const page = await UppyPage.ready(browser, server.url, companion, [file.path])
  const milliseconds = await page.upload()
  await page.close()
  await expectStored(store, [file])
  rows.push(row({ client: UppyPage.client, bytes: BYTES, milliseconds }, SPEED))
})

test.afterAll(() => printTable(`One file of 200 MiB, limit ${LIMIT}; ${describe(SPEED)}`, rows))
