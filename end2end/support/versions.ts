import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The version of an installed package, given its folder in `end2end`. */
export function version(folder: string): string {
  const path = fileURLToPath(new URL(`../${folder}/package.json`, import.meta.url))
  if (!existsSync(path)) throw new Error(`${folder} is not there; \`make companion\` installs it`)
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
