import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build, type BuildOptions, type Plugin } from 'esbuild'

const folder = fileURLToPath(new URL('.', import.meta.url))
const readme = fileURLToPath(new URL('../../../README.md', import.meta.url))

/** Those with a folder of their own, whose packages have one name. */
export type OlderUppy = 3 | 4 | 5

/** The script of a page with the published Uppy on it: 6, unless another is asked for. */
export async function uppyScript(older?: OlderUppy): Promise<string> {
  return bundle({ entryPoints: [`${folder}/page.ts`], plugins: older ? [packagesOf(older)] : [] })
}

/** What our own scripts import of Uppy is of this version; what that imports itself is beside it. */
function packagesOf(older: OlderUppy): Plugin {
  const resolveDir = fileURLToPath(new URL(`../../uppy/${older}`, import.meta.url))
  return {
    name: 'older-uppy',
    setup({ onResolve, resolve }) {
      onResolve({ filter: /^@uppy\// }, ({ path, kind, importer }) =>
        importer.startsWith(folder) ? resolve(path, { kind, resolveDir }) : undefined,
      )
    },
  }
}

/** The same with the README's example of `getCredentials`, but for its addresses: `addresses` says what stands for each. */
export async function credentialsScript(addresses: Record<string, string>): Promise<string> {
  const blocks = (await readFile(readme, 'utf8')).matchAll(/^```js\n(.*?)^```$/gms)
  let example = [...blocks].map(block => block[1]!).find(block => block.includes('getCredentials'))
  if (!example) throw new Error('README.md has no example of `getCredentials`')
  for (const [its, ours] of Object.entries(addresses)) {
    if (!example.includes(its)) throw new Error(`README.md's example does not have ${its}`)
    example = example.replaceAll(its, ours)
  }
  const page = `
    import AwsS3 from '@uppy/aws-s3'
    import Uppy from '@uppy/core'
    import { uploadPicked } from './upload'
    const uppy = new Uppy({ autoProceed: false })
    ${example}
    Object.assign(window, { uppy, uploadPicked })`
  return bundle({ stdin: { contents: page, resolveDir: folder } })
}

async function bundle(entry: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    ...entry,
    bundle: true,
    minify: true,
    format: 'iife',
    write: false,
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  // The end of a script must not stand in it.
  return outputFiles![0]!.text.replaceAll('</script', '<\\/script')
}
