// Agreement with the Rust verifier on golden capsules and on each of their one-byte changes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { EncodingError, read } from '../src/cbor.mjs';
import { CapsuleError, verifyCapsule } from '../src/capsule.mjs';
import { array, uint } from '../src/encode.mjs';
import { concat, Domain, hash, hex, unhex, verifies } from '../src/hash.mjs';
import { doubt } from '../src/witness.mjs';

const golden = (name) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
const load = (name) => {
  const file = new Uint8Array(readFileSync(golden(`${name}.hefu`)));
  const genesis = unhex(readFileSync(golden(`${name}.genesis`), 'utf8'));
  return { file, genesis, capsule: read(file).value[0].value };
};

const LETTERS = {
  encoding: 'e', digest: 'd', format: 'f', genesis: 'g', header: 'h',
  certificate: 'c', transaction: 't', log: 'l', status: 's', cosigners: 'k', checkpoint: 'p',
  receipts: 'r',
};

// Most changes leave most signatures as they were.
const known = new Map();
function remembered(...parts) {
  const name = parts.map(hex).join(' ');
  if (!known.has(name)) known.set(name, verifies(...parts));
  return known.get(name);
}

function verdict(file, genesis) {
  try {
    verifyCapsule(file, genesis, remembered);
    return '.';
  } catch (error) {
    if (!(error instanceof CapsuleError)) throw error;
    return LETTERS[error.step];
  }
}

/** A capsule in its file form: [bytes, digest]. */
function wrap(capsule) {
  const head = capsule.length < 256
    ? [0x58, capsule.length]
    : [0x59, capsule.length >> 8, capsule.length & 255];
  assert.ok(capsule.length < 65_536);
  const digest = hash(Domain.capsule, capsule);
  return concat([Uint8Array.of(0x82, ...head), capsule, Uint8Array.of(0x58, 32), digest]);
}

for (const name of ['smallest', 'whole', 'compact', 'witnessed']) {
  test(`${name}: verifies`, () => {
    const { file, genesis } = load(name);
    const verified = verifyCapsule(file, genesis);
    assert.equal(verified.transaction.issuer, '11310000HEFU01010W');
    if (name === 'whole') {
      assert.equal(verified.setChanges, 2);
      assert.deepEqual(verified.status.records.map(({ value }) => value), ['8104', '8113', null]);
    }
    if (name === 'witnessed') {
      assert.equal(verified.setChanges, 1);
      const said = verified.witness.cosigners.map(({ cosigned, receipt }) => [cosigned !== null, receipt]);
      assert.deepEqual(said, [[true, true], [false, true], [true, true], [true, false]]);
      assert.equal(verified.witness.checkpoint.sameAsHeight, 3n);
    }
    if (name === 'compact') assert.equal(verified.witness.checkpoint.sameAsHeight, 1n);
  });

  test(`${name}: every changed byte of the file is refused`, () => {
    const { file, genesis } = load(name);
    for (let place = 0; place < file.length; place += 1) {
      const changed = file.slice();
      changed[place] ^= 1 << (place % 8);
      assert.notEqual(verdict(changed, genesis), '.', `byte ${place}`);
    }
  });

  test(`${name}: the same verdict as the first verifier on every change inside`, () => {
    const { capsule, genesis } = load(name);
    const expected = readFileSync(golden(`${name}.verdicts`), 'utf8');
    assert.equal(expected.length, capsule.length);
    assert.ok(new Set(expected).size > 4);
    for (let place = 0; place < capsule.length; place += 1) {
      const changed = capsule.slice();
      changed[place] ^= 1 << (place % 8);
      assert.equal(verdict(wrap(changed), genesis), expected[place], `byte ${place}`);
    }
  });

  test(`${name}: another genesis, a short file`, () => {
    const { file, genesis } = load(name);
    assert.equal(verdict(file, new Uint8Array(32)), 'g');
    assert.equal(verdict(file.subarray(0, -1), genesis), 'e');
    assert.equal(verdict(new Uint8Array(0), genesis), 'e');
  });
}

test('the word of a cosigner is doubted when its key was', () => {
  const nothing = Uint8Array.of(0xf6);
  /** A key record bound at 1 s and good from 2 s to 9 s. */
  const record = (revocation) =>
    array(nothing, nothing, nothing, uint(2_000n), uint(9_000n), uint(0n), nothing, revocation, uint(1n), uint(1_000n));
  const revoked = (reason, at) => array(uint(reason), uint(0n), uint(1n), uint(at));
  assert.deepEqual([1n, 2n, 9n, 10n, 1n << 62n].map((time) => doubt(record(nothing), time)),
    ['out_of_term', null, null, 'out_of_term', 'out_of_term']);
  assert.equal(doubt(record(nothing), null), null);
  assert.deepEqual([5n, 6n].map((time) => doubt(record(revoked(0n, 5_500n)), time)), [null, 'out_of_term']);
  for (const time of [5n, null]) assert.equal(doubt(record(revoked(2n, 8_000n)), time), 'compromised');
});

test('only deterministic CBOR is read', () => {
  for (const bytes of [[0x18, 0x07], [0x9f, 0x07, 0xff], [0x01, 0x01], [0x62, 0xff, 0xfe], [0xf9, 0, 0], [0x82, 1]]) {
    assert.throws(() => read(Uint8Array.from(bytes)), EncodingError);
  }
  assert.throws(() => read(new Uint8Array(100).fill(0x81)), EncodingError);
  assert.equal(read(Uint8Array.of(0x19, 0x01, 0x00)).value, 256n);
});

test('the command: exit codes and output', () => {
  const cli = fileURLToPath(new URL('../src/cli.mjs', import.meta.url));
  const genesis = readFileSync(golden('whole.genesis'), 'utf8');
  const run = (...args) => execFileSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
  const code = (...args) => {
    try {
      execFileSync(process.execPath, [cli, ...args], { stdio: 'pipe' });
      return 0;
    } catch (error) {
      return error.status;
    }
  };
  assert.equal(JSON.parse(run(golden('whole.hefu'), '--genesis', genesis)).valid, true);
  assert.equal(code(golden('whole.hefu'), '--genesis', '00'.repeat(32)), 3);
  assert.equal(code(golden('whole.verdicts'), '--genesis', genesis), 2, 'no file of ours');
  assert.equal(code(golden('none.hefu'), '--genesis', genesis), 4);
  assert.equal(code(golden('whole.hefu')), 2);
});
