import { file, KB } from '../support/files'
import { elements } from '../support/moto'
import { expect, test } from '../support/moto-fixtures'
import type { Run } from '../support/server'

/** Rules of somebody else's, which have to stay. */
const OTHER_CORS = `<CORSConfiguration><CORSRule><AllowedOrigin>https://other.example</AllowedOrigin>
  <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>`
const OTHER_LIFECYCLE = `<LifecycleConfiguration><Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix>logs/</Prefix>
  </Filter><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>`

const PREFLIGHTS = ['preflight PUT', 'preflight part', 'preflight POST']

/** What moto takes though it ought to refuse it; what the tests of uploads to it can't show, therefore. */
const UNCHECKED = [
  'wrong signature refused',
  'wrong length refused',
  'wrong type refused',
  'wrong checksum refused',
  'oversized POST refused',
]

const CHECKED = [
  'store',
  'clock',
  'credentials',
  'region',
  'bucket',
  ...PREFLIGHTS,
  'presigned PUT',
  'ETag exposed',
  'If-None-Match honoured',
  'POST form',
  'multipart create',
  'multipart part',
  'multipart complete',
  'multipart abort',
  'lifecycle rule',
  'clean-up',
]

/** As the server makes them: the prefix, 26 random characters, and a name. */
const OWN_KEY = 'uploads/abcdefghijklmnopqrstuvwxyz/film.mp4'

/** The names of the checks by what came of them, without the page's origin. */
function checks({ out }: Run): { pass: string[]; fail: string[]; unknown: string[] } {
  const { findings } = JSON.parse(out) as { findings: { check: string; outcome: 'pass' | 'fail' | 'unknown' }[] }
  const named = (outcome: string) =>
    findings.filter(finding => finding.outcome === outcome).map(({ check }) => check.replace(/ http:.*/, ''))
  return { pass: named('pass'), fail: named('fail'), unknown: named('unknown') }
}

test('`cors check` names what is missing in the second store until `cors apply` has run', async ({ command, moto, variables }) => {
  const before = await command('cors', 'check', '--json')
  expect(before.code).toBe(1)
  expect(checks(before)).toEqual({ pass: ['clean-up'], fail: [...PREFLIGHTS, 'ETag exposed'], unknown: [] })
  expect(before.out).toContain(`No rule of the bucket has AllowedOrigin ${variables.UPLOAD_ORIGINS} for PUT.`)
  const applied = await command('cors', 'apply')
  expect(applied).toMatchObject({ code: 0, out: expect.stringContaining('The CORS rules of the bucket photos are set.') })
  const after = await command('cors', 'check', '--json')
  expect(checks(after)).toEqual({ pass: [...PREFLIGHTS, 'ETag exposed', 'clean-up'], fail: [], unknown: [] })
  expect(after.code).toBe(0)
  expect(await moto.everything()).toEqual([])
})

test('`cors apply` leaves the rules for other origins in the second store', async ({ command, moto, variables }) => {
  await moto.setRules('cors', OTHER_CORS)
  const applied = await command('cors', 'apply', '--public-read')
  expect(applied).toMatchObject({ code: 0, out: expect.stringContaining('one rule for other origins stays') })
  const rules = await moto.rules('cors')
  expect(elements(rules, 'AllowedOrigin')).toEqual([variables.UPLOAD_ORIGINS, 'https://other.example', '*'])
  expect(elements(rules, 'AllowedMethod')).toEqual(['GET', 'PUT', 'POST', 'GET', 'GET'])
})

test('`cors check` says it when the second store goes by another rule than the first that matches', async ({ command }) => {
  expect(await command('cors', 'apply', '--public-read')).toMatchObject({ code: 0 })
  const checked = await command('cors', 'check')
  expect(checked.code).toBe(1)
  // moto goes by the last one, which lets everybody read.
  expect(checked.out).toContain('may read, but not PUT: its rule needs AllowedMethod PUT.')
})

for (const provider of ['custom', 'aws'] as const) {
  test.describe(`S3_PROVIDER=${provider}`, () => {
    test.use({ provider })

    test('`doctor` tells what the second store checks from what it does not, and leaves nothing there', async ({ command, moto }) => {
      const blocked = await command('doctor', '--json')
      expect(blocked.code).toBe(1)
      expect(checks(blocked).fail).toEqual(expect.arrayContaining(['preflight PUT', 'preflight part', ...UNCHECKED]))
      expect(await command('cors', 'apply')).toMatchObject({ code: 0 })
      expect(await command('lifecycle', 'apply')).toMatchObject({ code: 0 })
      const works = await command('doctor', '--json')
      expect(checks(works)).toEqual({ pass: CHECKED, fail: UNCHECKED, unknown: [] })
      expect(works.code).toBe(0)
      expect(await moto.everything()).toEqual([])
    })

    test('`reap` lists what is unfinished in the second store, and aborts what this server began', async ({ command, moto }) => {
      const { buffer } = file('part', 3 * KB)
      await moto.begin(OWN_KEY, buffer)
      const theirs = ['elsewhere/film.mp4', 'uploads/film.mp4']
      for (const key of theirs) await moto.begin(key, buffer)
      const listed = await command('reap')
      expect(listed).toMatchObject({ code: 0, out: expect.stringContaining(` 3.0 KiB in 1 part  ${OWN_KEY}\n`) })
      expect(listed.out).toContain('did not make their keys: 1.\nRun it again with --yes')
      expect(await moto.unfinished()).toHaveLength(3)
      const aborted = await command('reap', '--yes')
      expect(aborted).toMatchObject({ code: 0, out: expect.stringContaining(`${OWN_KEY}  aborted\n`) })
      expect(await moto.everything()).toEqual(theirs)
    })

    test('`lifecycle apply` sets its rule in the second store once, and leaves the others', async ({ command, moto }) => {
      await moto.setRules('lifecycle', OTHER_LIFECYCLE)
      for (const _ of ['first', 'second']) {
        expect(await command('lifecycle', 'apply')).toEqual({
          code: 0,
          out: 'The bucket photos removes uploads under `uploads/` that are unfinished after 7 days. Other rules it keeps: 1.\n',
          err: '',
        })
        const rules = await moto.rules('lifecycle')
        expect(elements(rules, 'ID')).toEqual(['old', 'leptos-aws-s3-unfinished-uploads'])
        expect(elements(rules, 'Prefix')).toEqual(['logs/', 'uploads/'])
        expect(elements(rules, 'DaysAfterInitiation')).toEqual(['7'])
        expect(elements(rules, 'Days')).toEqual(['30'])
      }
    })
  })
}
