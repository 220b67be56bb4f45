// Agreement with the Rust verifier on a golden checkpoint and a golden statement, and on each of their
// one-byte changes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { EncodingError } from '../src/cbor.mjs';
import { hex, verifies } from '../src/hash.mjs';
import { cosignersOf } from '../src/keys.mjs';
import { fromBase64, verifyCheckpoint } from '../src/note.mjs';
import { verifyStatement } from '../src/receipt.mjs';

const golden = (name) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
const load = (name) => new Uint8Array(readFileSync(golden(name)));
const genesis = readFileSync(golden('witnessed.genesis'), 'utf8');
const cosigners = cosignersOf(JSON.parse(readFileSync(golden('cosigners.json'), 'utf8')), genesis.trim());

// Most changes leave most signatures as they were.
const known = new Map();
function remembered(...parts) {
  const name = parts.map(hex).join(' ');
  if (!known.has(name)) known.set(name, verifies(...parts));
  return known.get(name);
}

/** How many signatures hold, as the first verifier writes it. */
function judged(work) {
  try {
    return String(work());
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error;
    return 'x';
  }
}

const note = (bytes) => judged(() => verifyCheckpoint(bytes, cosigners, remembered).signed.length);
const statement = (bytes) =>
  judged(() => verifyStatement(bytes, cosigners, remembered).receipts.filter((one) => one.verified).length);

for (const [file, name, judge] of [
  ['checkpoint.note', 'checkpoint', note],
  ['statement.cose', 'statement', statement],
]) {
  test(`${name}: the same verdict as the first verifier on every changed byte`, () => {
    const bytes = load(file);
    assert.equal(judge(bytes), '2');
    const expected = readFileSync(golden(`${name}.verdicts`), 'utf8');
    assert.equal(expected.length, bytes.length);
    for (let place = 0; place < bytes.length; place += 1) {
      const changed = bytes.slice();
      changed[place] ^= 1 << (place % 8);
      assert.equal(judge(changed), expected[place], `byte ${place}`);
    }
    for (const length of [0, 1, bytes.length - 1]) assert.equal(judge(bytes.subarray(0, length)), 'x');
  });
}

test('both algorithms are there, and what they say', () => {
  const { transaction, receipts } = verifyStatement(load('statement.cose'), cosigners);
  assert.deepEqual(receipts.map(({ alg }) => alg), ['EdDSA', 'ES256']);
  assert.ok(receipts.every(({ verified, issuer }) => verified && issuer.startsWith(`hefu/${genesis}/`)));
  assert.equal(hex(transaction.chain), genesis);
  const { origin, signed } = verifyCheckpoint(load('checkpoint.note'), cosigners);
  assert.equal(origin, `hefu/${genesis}`);
  assert.deepEqual(signed.map(({ name }) => name), cosigners.map(({ name }) => name));
});

test('a list is of this ledger, whole, and names each key once', () => {
  const list = JSON.parse(readFileSync(golden('cosigners.json'), 'utf8'));
  const [first] = list.cosigners;
  for (const bad of [
    {}, { cosigners: 'x' }, { cosigners: [] }, { cosigners: [null] }, { cosigners: [{}] },
    { cosigners: [first, first] }, { cosigners: [first, { cosigner: 'x' }] },
  ]) {
    assert.throws(() => cosignersOf(bad, genesis), EncodingError, JSON.stringify(bad));
  }
  assert.throws(() => cosignersOf(list, '00'.repeat(32)), EncodingError);
});

test('Base64 has one form', () => {
  assert.deepEqual(fromBase64('AAAB'), Uint8Array.of(0, 0, 1));
  for (const bad of ['AAA', 'AAB=', 'AA==\n', ' AAAA', 'A-AA']) assert.equal(fromBase64(bad), undefined, bad);
});

test('the command: notes and statements need keys', () => {
  const cli = fileURLToPath(new URL('../src/cli.mjs', import.meta.url));
  const keys = ['--keys', golden('cosigners.json')];
  const run = (...args) => JSON.parse(execFileSync(process.execPath, [cli, ...args], { encoding: 'utf8' }));
  const code = (...args) => {
    try {
      execFileSync(process.execPath, [cli, ...args], { stdio: 'pipe' });
      return 0;
    } catch (error) {
      return error.status;
    }
  };
  for (const [file, kind] of [['checkpoint.note', 'checkpoint'], ['statement.cose', 'statement']]) {
    assert.equal(run(golden(file), '--genesis', genesis, ...keys).kind, kind);
    // The keys in the list are those of another ledger's cosigners.
    assert.equal(code(golden(file), '--genesis', '00'.repeat(32), ...keys), 2);
    assert.equal(code(golden(file), '--genesis', genesis), 2);
  }
});
