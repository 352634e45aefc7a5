// The npm `solc` (wasm) behind the two calls that forge, ape and slither make of a native compiler:
// `--version` and `--standard-json`; `--serve` answers one standard JSON a line with one a line, loaded once.
// Nothing is downloaded; the compiler is the one in node_modules.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const nodeModule = require('node:module');

const compileCache = path.join(os.tmpdir(), `juapesa-solc-${process.getuid ? process.getuid() : 0}`);
if (nodeModule.enableCompileCache) nodeModule.enableCompileCache(compileCache);

const WITH_VALUE = new Set(['--base-path', '--include-path', '--allow-paths', '-I']);

function parse(args) {
  const flags = new Set();
  const values = new Map();
  const files = [];
  for (let i = 0; i < args.length; i += 1) {
    const [name, inline] = args[i].split(/=(.*)/s);
    if (WITH_VALUE.has(name)) {
      i += inline === undefined ? 1 : 0;
      values.set(name, [...(values.get(name) || []), inline === undefined ? args[i] : inline]);
    } else if (name.startsWith('-') && name !== '-') flags.add(name);
    else files.push(args[i]);
  }
  return { flags, values, files };
}

function compiler() {
  // solc's wrapper installs an uncaughtException handler that hides our own failures.
  const before = new Set(process.listeners('uncaughtException'));
  const solc = require('solc');
  for (const listener of process.listeners('uncaughtException')) {
    if (!before.has(listener)) process.removeListener('uncaughtException', listener);
  }
  return solc;
}

// Tools ask for the version before every build and loading the wasm takes a second, so the answer
// is remembered, next to nothing that is shared: keyed by the package's version and its file's size.
function version() {
  const manifest = require.resolve('solc/package.json');
  const wasm = path.join(path.dirname(manifest), 'soljson.js');
  const key = `${JSON.parse(fs.readFileSync(manifest, 'utf8')).version}-${fs.statSync(wasm).size}`;
  const remembered = path.join(compileCache, `version-${key}`);
  try {
    return fs.readFileSync(remembered, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  const found = compiler().version();
  fs.mkdirSync(compileCache, { recursive: true });
  fs.writeFileSync(remembered, found);
  return found;
}

function finder(values) {
  const roots = [...(values.get('--base-path') || [process.cwd()])];
  roots.push(...(values.get('--include-path') || []), ...(values.get('-I') || []));
  return (name) => {
    const plain = name.replace(/^file:\/\//, '');
    const places = [plain, ...roots.map((root) => path.join(root, plain))];
    const found = places.find((place) => fs.existsSync(place));
    return found === undefined ? null : fs.readFileSync(found, 'utf8');
  };
}

function standardJson({ values, files }) {
  return answer(fs.readFileSync(files[0] && files[0] !== '-' ? files[0] : 0, 'utf8'), values, compiler());
}

function answer(text, values, solc) {
  const read = finder(values);
  const input = JSON.parse(text);
  for (const source of Object.values(input.sources || {})) {
    const content = source.content === undefined ? (source.urls || []).map(read).find((text) => text !== null) : undefined;
    if (content !== undefined) {
      source.content = content;
      delete source.urls;
    }
  }
  return solc.compile(JSON.stringify(input), {
    import: (name) => {
      const contents = read(name);
      return contents === null ? { error: `File not found: ${name}` } : { contents };
    },
  });
}

function write(text) {
  const bytes = Buffer.from(text, 'utf8');
  let done = 0;
  while (done < bytes.length) {
    try {
      done += fs.writeSync(1, bytes, done);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error; // a full pipe: try again
    }
  }
}

function serve(values) {
  const solc = compiler();
  const lines = require('node:readline').createInterface({ input: process.stdin });
  lines.on('line', (line) => write(`${answer(line, values, solc)}\n`));
}

const request = parse(process.argv.slice(2));
if (request.flags.has('--serve')) {
  serve(request.values);
} else if (request.flags.has('--version')) {
  write(`solc, the solidity compiler commandline interface\nVersion: ${version()}\n`);
} else if (request.flags.has('--standard-json')) {
  write(standardJson(request));
} else {
  process.stderr.write(`solc: only --version, --standard-json and --serve are known here, not: ${process.argv.slice(2).join(' ')}\n`);
  process.exit(2);
}
if (!request.flags.has('--serve')) process.exit(0);
