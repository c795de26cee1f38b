// The official SDK suite's 20 cases against cstar-conformance, over a socket (behaviours.md, section 16).
//
// Compared as the official runner does: events in order; event, id and retry exactly; data lines grouped by their first
// word, the order of groups free, the order inside a group kept; elements as parsed HTML with sorted attributes.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseFragment } from 'parse5'

const golden = join(process.env.CSTAR_SHARED ?? '', 'sdk-tests', 'golden')
if (!process.env.CSTAR_SHARED || !existsSync(golden)) {
  console.log('SKIPPED: the SDK suite\'s data is not here (CSTAR_SHARED names the folder that holds sdk-tests/golden)')
  process.exit(77)
}

function parseEvents(text) {
  return text.split('\n\n').filter((block) => block.trim() !== '').map((block) => {
    const event = { data: {} }
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':')
      const field = line.slice(0, colon)
      const value = line.slice(colon + 1).trim()
      if (field === 'data') {
        const space = value.indexOf(' ')
        const key = space < 0 ? value : value.slice(0, space)
        ;(event.data[key] ??= []).push(space < 0 ? '' : value.slice(space + 1).trim())
      } else {
        event[field] = value
      }
    }
    if (event.data.elements) event.data.elements = shape(parseFragment(event.data.elements.join('\n')))
    return event
  })
}

// A parsed tree without what does not matter: parents, positions, the order of attributes.
function shape(node) {
  return {
    name: node.nodeName,
    text: node.value?.trim(),
    attrs: node.attrs?.map((a) => `${a.name}=${a.value}`).sort(),
    children: node.childNodes?.map(shape),
  }
}

const sorted = (value) => {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
}

function start() {
  const server = spawn(join(process.env.CSTAR_BIN, 'cstar-conformance'), ['--listen', '127.0.0.1:0'])
  server.stderr.pipe(process.stderr)
  return new Promise((resolve, reject) => {
    let out = ''
    server.on('error', reject)
    server.on('exit', (code) => reject(new Error(`cstar-conformance exited with ${code}`)))
    server.stdout.on('data', (chunk) => {
      out += chunk
      const url = /http:\/\/\S+/.exec(out)
      if (url) resolve({ server, url: url[0] })
    })
  })
}

function ask(url, method, input) {
  const signal = AbortSignal.timeout(10000)
  const headers = { Accept: 'text/event-stream', 'datastar-request': 'true' }
  if (method === 'get') return fetch(`${url}/test?${new URLSearchParams({ datastar: input })}`, { headers, signal })
  headers['Content-Type'] = 'application/json'
  return fetch(`${url}/test`, { method: 'POST', headers, body: input, signal })
}

const { server, url } = await start()
let passed = 0
let failed = 0
for (const method of ['get', 'post']) {
  for (const name of readdirSync(join(golden, method)).sort()) {
    const input = readFileSync(join(golden, method, name, 'input.json'), 'utf8')
    const expected = readFileSync(join(golden, method, name, 'output.txt'), 'utf8')
    const response = await ask(url, method, input)
    const text = await response.text()
    const got = JSON.stringify(sorted(parseEvents(text)))
    const wanted = JSON.stringify(sorted(parseEvents(expected)))
    if (response.status === 200 && got === wanted && parseEvents(expected).length > 0) {
      passed++
    } else {
      failed++
      console.log(`FAILED ${method} ${name}: status ${response.status}\n got      ${text}\n expected ${expected}`)
    }
  }
}
const exited = new Promise((resolve) => server.on('exit', resolve))
server.kill('SIGTERM')
const code = await exited
if (code !== 0) console.log(`FAILED: cstar-conformance exited with ${code}`)
console.log(`${passed} passed, ${failed} failed, 0 skipped`)
process.exit(failed === 0 && passed >= 20 && code === 0 ? 0 : 1)
