import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const script = fileURLToPath(new URL('page.ts', import.meta.url))

/** The script of a page with the published Uppy on it. */
export async function uppyScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [script],
    bundle: true,
    minify: true,
    format: 'iife',
    write: false,
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  // The end of a script must not stand in it.
  return outputFiles[0]!.text.replaceAll('</script', '<\\/script')
}
