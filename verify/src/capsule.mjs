// The evidence capsule, formats 1 and 2: proves a record with nothing but the genesis hash.
//
// It does not say what an act or a record means, nor what happened after the status height.

import { EncodingError, read } from './cbor.mjs';
import { array, bytes, uint } from './encode.mjs';
import { capsuleFile, firstCapsule, packedCapsule } from './format.mjs';
import { Domain, equal, hash, hex, keyId, logLeaf, verifies } from './hash.mjs';
import { MAX_RECORDS, unpack } from './packed.mjs';
import { logIncludes, mapHolds } from './proof.mjs';
import { describe, isSignedBy, readTransaction } from './transaction.mjs';
import { checkWitness } from './witness.mjs';

const MAX_CAPSULE_BYTES = 4 * 1024 * 1024;

/** A capsule that proves nothing: `step` names the check that failed. */
export class CapsuleError extends Error {
  constructor(step, why) {
    super(`${step}: ${why}`);
    this.step = step;
  }
}

const need = (holds, step, why) => {
  if (!holds) throw new CapsuleError(step, why);
};

/** An encoding that is wrong is a failure of this step. */
function within(step, work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof EncodingError) throw new CapsuleError(step, error.message);
    throw error;
  }
}

/** Reads a capsule file. */
export function readCapsule(file) {
  need(file.length <= MAX_CAPSULE_BYTES, 'encoding', 'too large');
  const { capsule, digest } = within('encoding', () => capsuleFile(read(file)));
  need(equal(hash(Domain.capsule, capsule), digest), 'digest', 'the file was changed or damaged');
  return within('encoding', () => {
    const node = read(capsule);
    const [format] = node.kind === 'array' ? node.value : [];
    if (format?.kind !== 'uint' || format.value > 0xffffn) throw new EncodingError('not a capsule');
    need(format.value === 1n || format.value === 2n, 'format', `version ${format.value} is not known`);
    const whole = format.value === 1n ? { ...firstCapsule(node), witness: null } : unpack(packedCapsule(node));
    if ((whole.status?.records.length ?? 0) > MAX_RECORDS) throw new EncodingError('more records than a capsule proves');
    return whole;
  });
}

/**
 * Verifies a capsule file against the genesis hash (32 bytes): what it proves, or CapsuleError.
 * `valid` says whether a signature is; a caller that reads many capsules may remember answers.
 */
export function verifyCapsule(file, genesis, valid = verifies) {
  const capsule = readCapsule(file);
  const found = hash(Domain.genesis, capsule.anchor.bytes);
  need(equal(found, genesis), 'genesis', `the capsule is of ledger ${hex(found)}`);
  const trust = { chain: genesis, anchor: capsule.anchor, changes: capsule.setChanges, valid };
  checkChanges(trust);
  check(trust, capsule.recorded);
  const transaction = checkTransaction(capsule, trust);
  const status = capsule.status === null ? null : checkStatus(capsule, trust);
  const witness = capsule.witness === null ? null : checkWitness(capsule, transaction, trust, need);
  checkLastChange(capsule);
  checkTables(status);
  return {
    ledger: hex(genesis),
    transaction: describe(transaction),
    signer: hex(capsule.signer),
    leaf: capsule.inclusion.index,
    height: capsule.recorded.header.height,
    time: capsule.recorded.header.time,
    setChanges: capsule.setChanges.length,
    status,
    witness,
  };
}

/** A change of validators at the latest header or after it has nothing to say about any. */
function checkLastChange({ recorded, status, setChanges }) {
  const heights = [recorded, status?.certified].map((certified) => certified?.header.height ?? 0n);
  const last = setChanges.at(-1)?.certified.header.height;
  const latest = heights[0] > heights[1] ? heights[0] : heights[1];
  need(last === undefined || last < latest, 'header', `${last} changes the validators of nothing shown`);
}

/** Of a table that the map does not commit to, every key would be "proven" absent. */
function checkTables(status) {
  for (const { key } of status?.records ?? []) {
    need(key.length > 0 && Number.parseInt(key.slice(0, 2), 16) < 0x80, 'status', 'a table outside the map');
  }
}

/** Each change is decided by the set before it, at a greater height, and brings another set. */
function checkChanges(trust) {
  let [set, height] = [trust.anchor.validators, 0n];
  for (const { certified, next } of trust.changes) {
    const { header } = certified;
    const brings = equal(header.nextValidators, setHash(next)) && !equal(setHash(next), setHash(set));
    need(header.height > height && brings, 'header', `${header.height} does not hand over`);
    checkBy(trust, certified, set);
    [set, height] = [next, header.height];
  }
}

/** A header decided by the set in force at its height. */
function check(trust, certified) {
  const { height } = certified.header;
  const change = trust.changes.findLast((change) => change.certified.header.height < height);
  checkBy(trust, certified, change === undefined ? trust.anchor.validators : change.next);
}

function checkBy(trust, { header, certificate }, set) {
  const belongs =
    equal(header.chain, trust.chain) &&
    equal(header.validators, setHash(set)) &&
    certificate.height === header.height &&
    equal(certificate.block, hash(Domain.block, header.bytes));
  need(belongs, 'header', `${header.height}: certificate or validators are of something else`);
  let [power, next] = [0n, 0n];
  for (const { index, signature } of certificate.signatures) {
    const validator = set.validators[Number(index)];
    need(validator !== undefined && index >= next, 'certificate', 'signatures out of order');
    next = index + 1n;
    const message = hash(Domain.vote, trust.chain, precommit(certificate, validator.key));
    need(trust.valid(validator.key, message, signature), 'certificate', `signature ${index}`);
    power += validator.power;
  }
  const total = set.validators.reduce((sum, validator) => sum + validator.power, 0n);
  need(power * 3n > total * 2n, 'certificate', `power ${power} of ${total} signed`);
}

const setHash = (set) => hash(Domain.validators, set.bytes);

/** The vote that was signed: [1, height, round, block, key id]. */
const precommit = ({ height, round, block }, publicKey) =>
  array(uint(1n), uint(height), uint(round), bytes(block), bytes(keyId(publicKey)));

function checkTransaction(capsule, { chain, valid }) {
  const transaction = within('transaction', () => readTransaction(capsule.transaction));
  need(equal(transaction.chain, chain), 'transaction', 'made for another ledger');
  need(isSignedBy(transaction, capsule.signer, valid), 'transaction', 'not signed by the key named');
  const { header } = capsule.recorded;
  const leaf = logLeaf(capsule.transaction);
  const included = logIncludes(capsule.inclusion, leaf, header.logSize, header.logRoot);
  need(included, 'log', `the transaction is not in the log of height ${header.height}`);
  const first = capsule.inclusion.index >= leavesBefore(capsule);
  need(first, 'log', `the transaction was recorded before height ${header.height}`);
  return transaction;
}

/** How many leaves the log had before the block; leaf 0 is the genesis. */
function leavesBefore({ recorded: { header }, before }) {
  if (before === null) {
    need(header.height === 1n, 'header', 'the header before is missing');
    return 1n;
  }
  const parent = equal(hash(Domain.block, before.bytes), header.parent);
  need(parent, 'header', 'the header before is not the parent');
  return before.logSize;
}

function checkStatus(capsule, trust) {
  const { certified, records } = capsule.status;
  check(trust, certified);
  const { header } = certified;
  need(header.height >= capsule.recorded.header.height, 'status', 'older than the record');
  const shown = records.map(({ key, value, proof }, place) => {
    const held = mapHolds(proof, header.stateRoot, hash(Domain.mapKey, key));
    const claimed = value === null ? null : hash(Domain.record, value);
    const proven =
      held !== undefined && (held === null ? claimed === null : claimed !== null && equal(held, claimed));
    need(proven, 'status', `record ${place} is not proven`);
    return { key: hex(key), value: value === null ? null : hex(value) };
  });
  return { height: header.height, time: header.time, records: shown };
}
