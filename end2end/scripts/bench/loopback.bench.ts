import { diskFile, MB, type DiskFile } from '../../support/files'
import { presign } from '../../support/presign'
import { BarePage } from './bare-page'
import { BareParts } from './bare-parts'
import type { Client } from './client'
import { expectStored, test } from './fixtures'
import { median } from './measure'
import { watchMemory, type Memory } from './memory'
import { memoryColumns, printTable, row, type Row } from './table'
import { ThisPage } from './this-page'

const BYTES = 1_024 * MB
const ROUNDS = 5

// Straight to the store.
test.use({ environment: { S3_PUBLIC_ENDPOINT: '' } })

interface Round {
  milliseconds: number
  memory: Memory | undefined
}

test('1 GiB over loopback', async ({ browser, folder, ports, server, store }) => {
  const file = await diskFile(folder, 'huge.bin', BYTES)
  const keys = await store.accessKeys()
  const objectUrl = `http://127.0.0.1:${ports.store}/uploads/bare`
  const clients: Record<string, (file: DiskFile) => Promise<Client>> = {
    [BarePage.client]: ({ path }) => BarePage.ready(browser, server.url, presign('PUT', objectUrl, keys), path),
    [BareParts.client]: ({ path }) => BareParts.ready(browser, server.url, { objectUrl, keys, path, bytes: BYTES }),
    [`${ThisPage.client}, checksums off`]: ({ path }) => {
      return ThisPage.ready(browser, server.url, [path], { checksums: false })
    },
    [`${BareParts.client}, each hashed before`]: ({ path }) => {
      return BareParts.ready(browser, server.url, { objectUrl, keys, path, bytes: BYTES, checksums: true })
    },
    [ThisPage.client]: ({ path }) => ThisPage.ready(browser, server.url, [path]),
  }
  const rounds = Object.fromEntries(Object.keys(clients).map(name => [name, [] as Round[]]))
  // In turns, so that whatever else the machine does is everybody's.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, ready] of Object.entries(clients)) {
      const client = await ready(file)
      let milliseconds = 0
      const memory = await watchMemory(browser, async () => void (milliseconds = await client.upload()))
      await client.close()
      await expectStored(store, [file])
      await store.remove((await store.keys())[0]!)
      rounds[name]!.push({ milliseconds, memory })
    }
  }
  printTable(
    `One file of 1 GiB over loopback, median of ${ROUNDS}; memory of the tab, the most of ${ROUNDS}`,
    Object.entries(rounds).map(([name, rounds]) => rowOf(name, rounds)),
  )
})

function rowOf(client: string, rounds: Round[]): Row {
  const memories = rounds.flatMap(({ memory }) => memory ?? [])
  const most = memories.toSorted((a, b) => b.peak - b.idle - (a.peak - a.idle))[0]
  return {
    ...row({ client, bytes: BYTES, milliseconds: median(rounds.map(round => round.milliseconds)) }),
    ...memoryColumns(most),
  }
}
