#!/usr/bin/env node
// hefu-verify FILE --genesis HASH [--keys LIST]: exit code 0 verified, 2 wrong usage, 3 proves nothing.
// FILE is a capsule; or, with the cosigners' keys, a checkpoint or a transparent statement.

import { readFileSync } from 'node:fs';

import { CapsuleError, verifyCapsule } from './capsule.mjs';
import { EncodingError } from './cbor.mjs';
import { hex, unhex } from './hash.mjs';
import { cosignersOf } from './keys.mjs';
import { verifyCheckpoint } from './note.mjs';
import { verifyStatement } from './receipt.mjs';
import { describe } from './transaction.mjs';

const USAGE = 'usage: hefu-verify FILE --genesis HASH [--keys LIST]\n';
const COSE_SIGN1 = 0xd2;

/** What is wrong with a file, in words and as an exit code. */
class Failure extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

function load(file) {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    throw new Failure(error.code === 'ENOENT' ? 4 : 1, `${error.message}\n`);
  }
}

function verify(bytes, genesis, list) {
  const note = bytes[0] !== COSE_SIGN1 && new TextDecoder().decode(bytes).includes('\n\u2014 ');
  if (!note && bytes[0] !== COSE_SIGN1) return { kind: 'capsule', ...verifyCapsule(bytes, unhex(genesis)) };
  if (list === undefined) throw new Failure(2, USAGE);
  const cosigners = cosignersOf(JSON.parse(new TextDecoder().decode(load(list))));
  if (note) {
    const found = verifyCheckpoint(bytes, cosigners);
    if (found.origin !== `hefu/${genesis}`) throw new EncodingError(`the checkpoint is of ${found.origin}`);
    if (found.signed.length === 0) throw new EncodingError('no cosignature is by a known key');
    return { kind: 'checkpoint', ...found };
  }
  const { transaction, receipts } = verifyStatement(bytes, cosigners);
  if (hex(transaction.chain) !== genesis) throw new EncodingError('made for another ledger');
  if (!receipts.some(({ verified }) => verified)) throw new EncodingError('no receipt is by a known key');
  return { kind: 'statement', transaction: describe(transaction), receipts };
}

function main([file, flag, genesis, keys, list, ...rest]) {
  const asked = flag === '--genesis' && /^[0-9a-f]{64}$/.test(genesis ?? '');
  const known = keys === undefined || (keys === '--keys' && list !== undefined);
  if (file === undefined || !asked || !known || rest.length > 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    const verified = verify(load(file), genesis, list);
    process.stdout.write(`${JSON.stringify({ valid: true, ...verified }, plain, 2)}\n`);
    return 0;
  } catch (error) {
    if (error instanceof Failure) {
      process.stderr.write(error.message);
      return error.code;
    }
    if (!(error instanceof CapsuleError || error instanceof EncodingError)) throw error;
    const step = error.step ?? 'signatures';
    process.stdout.write(`${JSON.stringify({ valid: false, step, why: error.message }, null, 2)}\n`);
    return 3;
  }
}

/** Numbers that may pass 2^53 are decimal strings. */
const plain = (_, value) => (typeof value === 'bigint' ? value.toString() : value);

process.exitCode = main(process.argv.slice(2));
