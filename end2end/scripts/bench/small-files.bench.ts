import { diskFile, KB, type DiskFile } from '../../support/files'
import { expectStored, SPEED, test } from './fixtures'
import { describe, printTable, row, type Row } from './table'
import { LIMIT, ThisPage } from './this-page'
import { UppyPage } from './uppy-page'

const FILES = 300
const BYTES = 20 * KB

const rows: Row[] = []

test('300 files with this page', async ({ browser, server, folder, store }) => {
  const files = await smallFiles(folder)
  const page = await ThisPage.ready(browser, server.url, paths(files))
  const milliseconds = await page.upload()
  await page.close()
  await expectStored(store, files)
  rows.push(row({ client: ThisPage.client, bytes: FILES * BYTES, milliseconds }, SPEED))
})

test('300 files with Uppy', async ({ browser, server, companion, folder, store }) => {
  const files = await smallFiles(folder)
  const page = await UppyPage.ready(browser, server.url, companion, paths(files))
  const milliseconds = await page.upload()
  await page.close()
  await expectStored(store, files)
  rows.push(row({ client: UppyPage.client, bytes: FILES * BYTES, milliseconds }, SPEED))
})

test.afterAll(() => printTable(`${FILES} files of 20 KiB, limit ${LIMIT}; ${describe(SPEED)}`, rows))

async function smallFiles(folder: string): Promise<DiskFile[]> {
  return Promise.all(Array.from({ length: FILES }, (_, index) => diskFile(folder, `small ${index}.bin`, BYTES)))
}

function paths(files: DiskFile[]): string[] {
  return files.map(file => file.path)
}
