import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test as base } from '@playwright/test'
import { file, KB, MB } from '../support/files'
import { Link, type LinkSpeed } from '../support/link'
import { sha256 } from '../support/store'

const SPEED: LinkSpeed = { roundTripMs: 100, connectionMbit: 8, totalMbit: 24 }

interface Fixtures {
  speed: LinkSpeed
  /** Sends `echo` back; of all else it says at the end what came. */
  far: Server
  link: Link
}

const test = base.extend<Fixtures>({
  speed: [SPEED, { option: true }],
  far: async ({}, use) => {
    const far = createServer({ allowHalfOpen: true }, socket => void serve(socket))
    far.listen(0, '127.0.0.1')
    await once(far, 'listening')
    await use(far)
    far.close()
  },
  link: async ({ far, speed }, use) => {
    const link = await Link.start((far.address() as AddressInfo).port, speed)
    await use(link)
    await link.stop()
  },
})

// One at a time, since they measure time.
test.describe.configure({ mode: 'default' })

test('one connection carries its own rate, and every byte unchanged', async ({ link }) => {
  const { buffer, sha256 } = file('one', 1.5 * MB)
  const start = performance.now()
  expect(await send(link, buffer)).toBe(sha256)
  // A round trip to connect and one until the answer is there.
  expectAbout(performance.now() - start - 2 * SPEED.roundTripMs, milliseconds(buffer.length, SPEED.connectionMbit))
})

test('six connections share the rate of the line', async ({ link }) => {
  const files = Array.from({ length: 6 }, (_, index) => file(`${index} of six`, 768 * KB))
  const start = performance.now()
  expect(await Promise.all(files.map(({ buffer }) => send(link, buffer)))).toEqual(files.map(({ sha256 }) => sha256))
  expectAbout(performance.now() - start - 2 * SPEED.roundTripMs, milliseconds(6 * 768 * KB, SPEED.totalMbit))
})

test('connections that share the line are equally fast', async ({ link }) => {
  const start = performance.now()
  const times = await Promise.all(
    Array.from({ length: 6 }, async (_, index) => {
      await send(link, file(`${index} of six`, 512 * KB).buffer)
      return performance.now() - start
    }),
  )
  expect(Math.min(...times)).toBeGreaterThan(0.8 * Math.max(...times))
})

test('the first answer takes two round trips, the next takes one', async ({ link }) => {
  const times: number[][] = []
  for (let connection = 0; connection < 3; connection++) {
    const socket = connect(link.port, '127.0.0.1')
    await once(socket, 'connect')
    times.push([await echo(socket), await echo(socket), await echo(socket)])
    socket.destroy()
  }
  // The quickest of each: what a busy machine adds is not the line's.
  const quickest = (answer: number) => Math.min(...times.map(answers => answers[answer]))
  expectAbout(quickest(0), 2 * SPEED.roundTripMs)
  expectAbout(quickest(1), SPEED.roundTripMs)
  expectAbout(quickest(2), SPEED.roundTripMs)
})

test.describe('on a faster line', () => {
  test.use({ speed: { roundTripMs: 10, connectionMbit: 800, totalMbit: 800 } })

  test('a receiver that does not read stops its sender', async ({ link, far }) => {
    const [receiver, sender] = [once(far, 'connection') as Promise<[Socket]>, connect(link.port, '127.0.0.1')]
    const [socket] = await receiver
    socket.pause()
    const { buffer } = file('unread', 32 * MB)
    sender.write(buffer)
    // What is under way at the line's full speed; half of that is held while it moves.
    const window = 1_000_000
    await expect.poll(() => link.held).toBeGreaterThanOrEqual(window)
    expect(link.maxHeld).toBeLessThanOrEqual(window + 64 * KB)
    // The systems' buffers have some of it; the rest is still the sender's.
    expect(link.carried).toBeLessThan(buffer.length / 2)
    sender.destroy()
    socket.destroy()
  })
})

test('a connection that the far end cuts is cut here', async ({ link, far }) => {
  const [receiver, sender] = [once(far, 'connection') as Promise<[Socket]>, connect(link.port, '127.0.0.1')]
  const failure = once(sender, 'error')
  const [socket] = await receiver
  socket.resetAndDestroy()
  expect(String(await failure)).toContain('ECONNRESET')
})

/** Sends all of it on a connection of its own and returns what the far end says it got. */
async function send(link: Link, bytes: Buffer): Promise<string> {
  const socket = connect({ port: link.port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(bytes)
  return text(socket)
}

async function serve(socket: Socket): Promise<void> {
  const chunks: Buffer[] = []
  socket.on('error', () => {})
  socket.on('data', chunk => {
    if (chunk.toString('latin1', 0, 4) === 'echo' && chunk.length === 4) socket.write(chunk)
    else chunks.push(chunk)
  })
  socket.once('end', () => socket.end(sha256(Buffer.concat(chunks))))
}

function milliseconds(bytes: number, mbit: number): number {
  return (bytes * 8) / (mbit * 1_000)
}

/** Never faster than the line is, but for what its buckets save up; slower by as much as a busy machine makes it. */
function expectAbout(actualMs: number, expectedMs: number): void {
  expect(actualMs).toBeGreaterThan(expectedMs - 15)
  expect(actualMs).toBeLessThan(expectedMs * 1.2 + 60)
}

/** Milliseconds until what is sent comes back. */
async function echo(socket: Socket): Promise<number> {
  const start = performance.now()
  socket.write('echo')
  await once(socket, 'data')
  return performance.now() - start
}
