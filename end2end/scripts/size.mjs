// Prints what a first visit downloads, compressed with Brotli at its best, and fails above a limit.
// Usage: node size.mjs PKG_FOLDER MAX_BYTES
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'

const [folder, limit] = [process.argv[2], Number(process.argv[3])]

let total = 0
for (const name of readdirSync(folder, { recursive: true }).filter(name => /\.(wasm|js|css)$/.test(name))) {
  const bytes = readFileSync(join(folder, name))
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
  const compressed = brotliCompressSync(bytes, { params }).length
  total += compressed
  print(compressed, `${name} (${bytes.length.toLocaleString('en')} uncompressed)`)
}
print(total, `together; the limit is ${limit.toLocaleString('en')}`)
process.exitCode = total > 0 && total <= limit ? 0 : 1

function print(bytes, text) {
  console.log(`${bytes.toLocaleString('en').padStart(9)} bytes  ${text}`)
}
