// Agreement with the Rust verifier on a golden checkpoint and a golden statement, and on each of their
// one-byte changes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { EncodingError, read } from '../src/cbor.mjs';
import { hex, verifies } from '../src/hash.mjs';
import { OtherLedger, cosignersOf } from '../src/keys.mjs';
import { fromBase64, verifyCheckpoint } from '../src/note.mjs';
import { readStatement, verifyReceipt, verifyStatement } from '../src/receipt.mjs';

const golden = (name) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
const load = (name) => new Uint8Array(readFileSync(golden(name)));
const genesis = readFileSync(golden('witnessed.genesis'), 'utf8');
const cosigners = cosignersOf(JSON.parse(readFileSync(golden('cosigners.json'), 'utf8')), genesis.trim());

const cli = fileURLToPath(new URL('../src/cli.mjs', import.meta.url));

/** The exit code of the command. */
function code(...args) {
  try {
    execFileSync(process.execPath, [cli, ...args], { stdio: 'pipe' });
    return 0;
  } catch (error) {
    return error.status;
  }
}

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
  assert.throws(() => cosignersOf(list, '00'.repeat(32)), OtherLedger);
});

test('Base64 has one form', () => {
  assert.deepEqual(fromBase64('AAAB'), Uint8Array.of(0, 0, 1));
  for (const bad of ['AAA', 'AAB=', 'AA==\n', ' AAAA', 'A-AA']) assert.equal(fromBase64(bad), undefined, bad);
});

/** The second receipt of the golden statement, and the transaction that it is of. */
function apart() {
  const parts = read(load('statement.cose')).value.value;
  const receipt = parts[1].value[1].value[1].value;
  return { receipt, envelope: readStatement(load('statement.cose')).envelope };
}

test('a receipt alone is checked with its transaction', () => {
  const { receipt, envelope } = apart();
  const found = verifyReceipt(receipt, envelope, cosigners);
  assert.deepEqual(found.receipts.map(({ alg, verified }) => [alg, verified]), [['ES256', true]]);
  assert.throws(() => verifyReceipt(receipt, load('statement.cose'), cosigners), EncodingError);
  for (let place = 0; place < receipt.length; place += 1) {
    const changed = receipt.slice();
    changed[place] ^= 1;
    const held = judged(() => verifyReceipt(changed, envelope, cosigners, remembered).receipts[0].verified);
    assert.notEqual(held, 'true', `byte ${place}`);
  }
});

test('the command: a receipt alone needs --of, and a statement may have it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hefu-verify-'));
  const [one, of] = [join(folder, 'receipt.cose'), join(folder, 'transaction.cose')];
  const { receipt, envelope } = apart();
  writeFileSync(one, receipt);
  writeFileSync(of, envelope);
  const plain = ['--genesis', genesis, '--keys', golden('cosigners.json')];
  assert.equal(code(one, ...plain), 2);
  assert.equal(code(one, ...plain, '--of', join(folder, 'none')), 4);
  assert.equal(code(one, ...plain, '--of', one), 2);
  assert.equal(code('--of', golden('statement.cose'), one, ...plain), 0);
  assert.equal(code(golden('statement.cose'), ...plain, '--of', of), 0);
  assert.equal(code(golden('statement.cose'), ...plain, '--of', golden('witnessed.hefu')), 0);
  assert.equal(code(golden('statement.cose'), ...plain, '--of', golden('compact.hefu')), 3);
  assert.equal(code(one, ...plain, '--of', of), 0);
  assert.equal(code(one, '--genesis', 'x'), 2);
  assert.equal(code(one, ...plain, '--what'), 2);
  rmSync(folder, { recursive: true });
});

test('the command: notes and statements need keys', () => {
  const keys = ['--keys', golden('cosigners.json')];
  const run = (...args) => JSON.parse(execFileSync(process.execPath, [cli, ...args], { encoding: 'utf8' }));
  for (const [file, kind] of [['checkpoint.note', 'checkpoint'], ['statement.cose', 'statement']]) {
    assert.equal(run(golden(file), '--genesis', genesis, ...keys).kind, kind);
    // The keys in the list are those of another ledger's cosigners.
    assert.equal(code(golden(file), '--genesis', '00'.repeat(32), ...keys), 3);
    assert.equal(code(golden(file), '--genesis', genesis), 2);
  }
});
