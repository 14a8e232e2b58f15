import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test as base } from '@playwright/test'
import { file, MB } from '../support/files'
import { sha256 } from '../support/store'
import { Wire } from '../support/wire'

/** The other tests believe what the wire counts and does; these make sure of it. */
const test = base.extend<{ wire: Wire; received: { hash: string; host: string | undefined }[] }>({
  received: async ({}, use) => use([]),
  wire: async ({ received }, use) => {
    const store = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', chunk => chunks.push(chunk))
      request.on('end', () => {
        received.push({ hash: sha256(Buffer.concat(chunks)), host: request.headers.host })
        response.end('stored')
      })
    })
    store.listen(0, '127.0.0.1')
    await once(store, 'listening')
    const wire = await Wire.start((store.address() as AddressInfo).port)
    await use(wire)
    await wire.stop()
    store.close()
  },
})

const big = file('big.bin', 12 * MB)

test('the wire passes bytes and the Host header on as they are', async ({ wire, received }) => {
  const answer = await put(wire)
  expect(await answer.text()).toBe('stored')
  expect(received).toEqual([{ hash: big.sha256, host: new URL(wire.url).host }])
})

test('the wire counts the data requests that are under way at one time', async ({ wire }) => {
  const held = wire.holdAnswer()
  const answers = [put(wire), put(wire), fetch(wire.url, { method: 'OPTIONS' })]
  await wire.waitFor('both stored', () => wire.exchanges.filter(exchange => exchange.storeStatus).length === 2)
  expect([wire.inFlight, wire.maxInFlight]).toEqual([2, 2])
  held.release()
  await Promise.all(answers)
  await put(wire)
  expect([wire.inFlight, wire.maxInFlight]).toEqual([0, 2])
})

test('the wire holds a body in the middle, and goes on when released', async ({ wire, received }) => {
  const held = wire.hold(1 * MB)
  const answer = put(wire)
  await wire.waitFor('1 MB', () => wire.exchanges[0]?.received === 1 * MB)
  expect(received).toEqual([])
  held.release()
  expect((await answer).status).toBe(200)
  expect(received[0]?.hash).toBe(big.sha256)
})

test('the wire answers in the store’s place, and only as often as it is told', async ({ wire, received }) => {
  wire.answer(503, 'SlowDown', { times: 1 })
  const refusal = await put(wire)
  expect(refusal.status).toBe(503)
  expect(await refusal.text()).toContain('<Code>SlowDown</Code>')
  expect((await put(wire)).status).toBe(200)
  expect(received).toHaveLength(1)
})

test('the wire loses an answer after the store has the bytes', async ({ wire, received }) => {
  wire.loseAnswer({ times: 1 })
  await expect(put(wire)).rejects.toThrow()
  expect(received[0]?.hash).toBe(big.sha256)
})

test('the wire resets a connection in the middle of a body', async ({ wire, received }) => {
  wire.reset(1 * MB)
  await expect(put(wire)).rejects.toThrow()
  expect(received).toEqual([])
})

test('the wire turns over one bit', async ({ wire, received }) => {
  wire.flipBit(1 * MB)
  await put(wire)
  const flipped = Buffer.from(big.buffer)
  flipped[1 * MB]! ^= 1
  expect(received[0]?.hash).toBe(sha256(flipped))
})

test('the wire can be cut, and comes back at the same place', async ({ wire }) => {
  const url = wire.url
  await wire.down()
  await expect(put(wire)).rejects.toThrow()
  await wire.up()
  expect(wire.url).toBe(url)
  expect((await put(wire)).status).toBe(200)
})

function put(wire: Wire): Promise<Response> {
  return fetch(`${wire.url}/key`, { method: 'PUT', body: new Uint8Array(big.buffer) })
}
