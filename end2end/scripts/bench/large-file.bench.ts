import { diskFile, MB } from '../../support/files'
import { expectStored, SPEED, test } from './fixtures'
import { describe, printTable, row, type Row } from './table'
import { LIMIT, readyThisPage } from './this-page'
import { UppyPage } from './uppy-page'

const BYTES = 200 * MB

const rows: Row[] = []

test('one large file with this page', async ({ upload, folder, store }) => {
  const file = await diskFile(folder, 'large.bin', BYTES)
  const send = await readyThisPage(upload, [file.path])
  const milliseconds = await send()
  await expectStored(store, [file])
  rows.push(row({ client: 'this page', bytes: BYTES, milliseconds }, SPEED))
})

test('one large file with Uppy', async ({ uppy, folder, store }) => {
  const file = await diskFile(folder, 'large.bin', BYTES)
  await uppy.open()
  const milliseconds = await uppy.upload([file.path], LIMIT)
  await expectStored(store, [file])
  rows.push(row({ client: UppyPage.client, bytes: BYTES, milliseconds }, SPEED))
})

test.afterAll(() => printTable(`One file of 200 MiB, limit ${LIMIT}; ${describe(SPEED)}`, rows))
