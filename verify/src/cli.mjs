#!/usr/bin/env node
// hefu-verify FILE --genesis HASH [--keys LIST] [--of FILE]: exit code 0 verified, 2 wrong usage,
// 3 proves nothing. FILE is a capsule; or, with the cosigners' keys, a checkpoint, a transparent
// statement, or a receipt alone of the transaction in the file after --of.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { CapsuleError, readCapsule, verifyCapsule } from './capsule.mjs';
import { EncodingError } from './cbor.mjs';
import { hex, unhex } from './hash.mjs';
import { OtherLedger, cosignersOf } from './keys.mjs';
import { verifyCheckpoint } from './note.mjs';
import { isReceipt, readStatement, verifyReceipt, verifyStatement } from './receipt.mjs';
import { describe, readTransaction } from './transaction.mjs';

const USAGE = 'usage: hefu-verify FILE --genesis HASH [--keys LIST] [--of FILE]\n';
const COSE_SIGN1 = 0xd2;
/** Steps by the names that `hefu verify` gives them. */
const STEPS = { digest: 'encoding', format: 'encoding', header: 'headers', certificate: 'headers' };
const CAPSULE = 0x82; // a list of two: the capsule and its digest
const MAX_LIST_BYTES = 1024 * 1024;

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

function verify(bytes, { genesis, keys, of }) {
  if (bytes[0] === CAPSULE) return { kind: 'capsule', ...verifyCapsule(bytes, unhex(genesis)) };
  const note = bytes[0] !== COSE_SIGN1;
  if (note && !isNote(bytes)) {
    throw new Failure(2, 'not a capsule, a checkpoint, a statement or a receipt\n');
  }
  if (keys === undefined) throw new Failure(2, `the cosigners' keys are needed: --keys LIST\n${USAGE}`);
  const cosigners = readList(keys, genesis);
  if (note) return within('checkpoint', () => checkpoint(bytes, cosigners, genesis));
  return within('receipts', () => receipts(bytes, cosigners, genesis, of));
}

/** Text with a line of a signature in it; a capsule's bytes may hold such a line too. */
function isNote(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).includes('\n\u2014 ');
  } catch {
    return false;
  }
}

/** A node's list of cosigners. */
function readList(file, genesis) {
  const bytes = load(file);
  try {
    if (bytes.length > MAX_LIST_BYTES) throw new EncodingError('too large');
    return cosignersOf(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)), genesis);
  } catch (error) {
    if (error instanceof OtherLedger) otherLedger(error.message);
    throw new Failure(2, `${file}: ${error.message}\n`);
  }
}

/** What is wrong with an encoding is a failure of this step. */
function within(step, work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof EncodingError) throw new CapsuleError(error.step ?? step, error.message);
    throw error;
  }
}

function otherLedger(why) {
  throw new CapsuleError('genesis', why);
}

function checkpoint(bytes, cosigners, genesis) {
  const found = verifyCheckpoint(bytes, cosigners);
  if (found.origin !== `hefu/${genesis}`) otherLedger('the checkpoint is of another log');
  if (found.signed.length === 0) throw new EncodingError('no cosignature is by a known key');
  return { kind: 'checkpoint', ...found };
}

function receipts(bytes, cosigners, genesis, of) {
  const asked = of === undefined ? undefined : envelopeIn(of);
  const alone = isReceipt(bytes);
  if (alone && asked === undefined) {
    throw new Failure(2, `which transaction the receipt is of is needed: --of FILE\n${USAGE}`);
  }
  const found = alone ? verifyReceipt(bytes, asked, cosigners) : verifyStatement(bytes, cosigners);
  const { transaction } = found;
  if (asked !== undefined && hex(readTransaction(asked).id) !== hex(transaction.id)) {
    throw new CapsuleError('transaction', 'the statement is of another one');
  }
  if (hex(transaction.chain) !== genesis) otherLedger('made for another ledger');
  if (!found.receipts.some(({ verified }) => verified)) throw new EncodingError('no receipt is by a known key');
  return { kind: 'statement', transaction: describe(transaction), receipts: found.receipts };
}

/** The transaction in an envelope, a statement or a capsule. */
function envelopeIn(file) {
  const bytes = load(file);
  const readings = [
    () => readTransaction(bytes) && bytes,
    () => readStatement(bytes).envelope,
    () => readCapsule(bytes).transaction,
  ];
  for (const reading of readings) {
    try {
      return reading();
    } catch (error) {
      if (!(error instanceof EncodingError || error instanceof CapsuleError)) throw error;
    }
  }
  throw new Failure(2, `${file}: no transaction in it\n`);
}

const OPTIONS = { genesis: { type: 'string' }, keys: { type: 'string' }, of: { type: 'string' } };

/** What was asked for; nothing when it cannot be understood. */
function asked(args) {
  try {
    const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
    const understood = positionals.length === 1 && /^[0-9a-f]{64}$/.test(values.genesis ?? '');
    return understood ? { file: positionals[0], ...values } : undefined;
  } catch {
    return undefined;
  }
}

function main(args) {
  const wish = asked(args);
  if (wish === undefined) {
    process.stderr.write(`${USAGE}HASH is the hash of the genesis: 64 hexadecimal digits\n`);
    return 2;
  }
  try {
    const verified = verify(load(wish.file), wish);
    process.stdout.write(`${JSON.stringify({ valid: true, ...verified }, plain, 2)}\n`);
    return 0;
  } catch (error) {
    if (error instanceof Failure) {
      process.stderr.write(error.message);
      return error.code;
    }
    if (!(error instanceof CapsuleError)) throw error;
    const step = STEPS[error.step] ?? error.step;
    process.stdout.write(`${JSON.stringify({ valid: false, step, why: error.message }, null, 2)}\n`);
    return 3;
  }
}

/** Numbers that may pass 2^53 are decimal strings. */
const plain = (_, value) => (typeof value === 'bigint' ? value.toString() : value);

process.exitCode = main(process.argv.slice(2));
