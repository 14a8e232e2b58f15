import { diskFile, KB, type DiskFile } from '../../support/files'
import { expectStored, SPEED, test } from './fixtures'
import { describe, printTable, row, type Row } from './table'
import { LIMIT, readyThisPage } from './this-page'
import { UppyPage } from './uppy-page'

const FILES = 300
const BYTES = 20 * KB

const rows: Row[] = []

test('300 files with this page', async ({ upload, folder, store }) => {
  const files = await smallFiles(folder)
  const send = await readyThisPage(
    upload,
    files.map(file => file.path),
  )
  const milliseconds = await send()
  await expectStored(store, files)
  rows.push(row({ client: 'this page', bytes: FILES * BYTES, milliseconds }, SPEED))
})

test('300 files with Uppy', async ({ uppy, folder, store }) => {
  const files = await smallFiles(folder)
  await uppy.open()
  const milliseconds = await uppy.upload(files.map(file => file.path), LIMIT)
  await expectStored(store, files)
  rows.push(row({ client: UppyPage.client, bytes: FILES * BYTES, milliseconds }, SPEED))
})

test.afterAll(() => printTable(`${FILES} files of 20 KiB, limit ${LIMIT}; ${describe(SPEED)}`, rows))

async function smallFiles(folder: string): Promise<DiskFile[]> {
  return Promise.all(Array.from({ length: FILES }, (_, index) => diskFile(folder, `small ${index}.bin`, BYTES)))
}
