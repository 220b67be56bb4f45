// Format 2 of the capsule: format 1 without what follows from the rest, which is put back here. What
// is written although it follows is an error, so that each capsule has one form.

import { EncodingError } from './cbor.mjs';
import { array, bytes, uint } from './encode.mjs';
import { Domain, equal, hash } from './hash.mjs';
import { bit, endOf, leafHash, nodeHash, resized, ZERO } from './proof.mjs';

const MAX_DEPTH = 256;
export const MAX_RECORDS = 256;
const MAX_COSIGNERS = 64;

const refuse = (why) => {
  throw new EncodingError(why);
};

const same = (a, b) => (a instanceof Uint8Array ? equal(a, b) : a === b);

/** A value that is written, or else follows; never both. */
function given(written, known) {
  if (written === null) return known ?? refuse('a value that nothing gives');
  if (known !== undefined && same(written, known)) refuse('a value that follows from the rest');
  return written;
}

/** Bytes in parts of one length. */
function parts(whole, length) {
  if (whole.length % length !== 0) refuse('a part is not whole');
  return Array.from({ length: whole.length / length }, (_, at) =>
    whole.subarray(at * length, (at + 1) * length),
  );
}

const setHash = (set) => hash(Domain.validators, set.bytes);

/** A header whole, with the bytes that its block id is the hash of. */
function whole(packed, { chain, validators, next, parent, like }) {
  const header = {
    ...packed,
    chain,
    protocol: given(packed.protocol, like?.protocol),
    parent: given(packed.parent, parent),
    validators,
    nextValidators: given(packed.nextValidators, next),
    parameters: given(packed.parameters, like?.parameters),
  };
  header.bytes = array(
    uint(header.protocol), bytes(header.chain), uint(header.height), uint(header.round),
    uint(header.time), bytes(header.parent), bytes(header.bundlesRoot), bytes(header.outcomesRoot),
    uint(header.logSize), bytes(header.logRoot), bytes(header.stateRoot), bytes(header.validators),
    bytes(header.nextValidators), bytes(header.parameters), bytes(header.proposer),
  );
  return header;
}

function certified(header, { round, signers, signatures }) {
  const places = Array.from({ length: 64 }, (_, at) => BigInt(at)).filter((at) => (signers >> at) & 1n);
  const found = parts(signatures, 64);
  if (places.length !== found.length) refuse('as many signatures as signers');
  const certificate = {
    height: header.height,
    round,
    block: hash(Domain.block, header.bytes),
    signatures: places.map((index, at) => ({ index, signature: found[at] })),
  };
  return { header, certificate };
}

/** The capsule whole, as format 1 has it. */
export function unpack(packed) {
  // Before anything is made of them: a shared proof grows with each record that is claimed.
  if ((packed.status?.records.length ?? 0) > MAX_RECORDS) refuse('more records than a capsule proves');
  if ((packed.witness?.cosigners.length ?? 0) > MAX_COSIGNERS) refuse('more cosigners than there can be');
  const { anchor } = packed;
  const chain = hash(Domain.genesis, anchor.bytes);
  const setChanges = [];
  let validators = setHash(anchor.validators);
  for (const { header, seal, next } of packed.setChanges) {
    const known = { chain, validators, next: setHash(next) };
    setChanges.push({ certified: certified(whole(header, known), seal), next });
    validators = known.next;
  }
  /** What is known of a header that hands over to nobody. */
  const at = (height, like) => {
    const change = setChanges.findLast((change) => change.certified.header.height < height);
    const set = setHash(change === undefined ? anchor.validators : change.next);
    return { chain, validators: set, next: set, like };
  };
  const { protocol, parameters } = packed.recorded;
  if (protocol === null || parameters === null) refuse('a value that nothing gives');
  const before =
    packed.before === null
      ? null
      : whole(packed.before, at(packed.before.height, { protocol, parameters }));
  const parent = before === null ? undefined : hash(Domain.block, before.bytes);
  const header = whole(packed.recorded, { ...at(packed.recorded.height), parent });
  const recorded = certified(header, packed.seal);
  const inclusion = { index: packed.leaf, size: header.logSize, path: parts(packed.path, 32) };
  return {
    format: packed.format,
    anchor,
    setChanges,
    recorded,
    before,
    transaction: packed.transaction,
    signer: packed.signer,
    inclusion,
    status: packed.status === null ? null : status(packed.status, recorded, at),
    witness: packed.witness === null ? null : witness(packed.witness, inclusion),
  };
}

function status({ at, records, proof }, recorded, known) {
  if (at !== null && at.header.height === recorded.header.height) refuse('the block that recorded');
  const block =
    at === null
      ? recorded
      : certified(whole(at.header, known(at.header.height, recorded.header)), at.seal);
  const claims = records.map(({ key, value }) => ({
    path: hash(Domain.mapKey, key),
    value: value === null ? null : hash(Domain.record, value),
  }));
  const proofs = separate(proof, claims);
  return { certified: block, records: records.map((record, at) => ({ ...record, proof: proofs[at] })) };
}

/** The proof of each claim, from one proof of all. */
function separate({ siblings, ends }, claims) {
  const proofs = claims.map(() => ({ siblings: [], end: { kind: 'empty' } }));
  const sorted = claims.map((claim, place) => ({ ...claim, place }));
  sorted.sort((a, b) => compare(a.path, b.path));
  if (sorted.some(({ path }, at) => at > 0 && equal(path, sorted[at - 1].path))) refuse('a path twice');
  const left = { siblings: parts(siblings, 32), nextSibling: 0, ends, nextEnd: 0 };
  if (claims.length > 0) down(sorted, 0, left, proofs);
  const over = left.nextSibling < left.siblings.length || left.nextEnd < ends.length;
  if (over) refuse('more than the paths need');
  for (const proof of proofs) proof.siblings.reverse(); // collected on the way up
  return proofs;
}

const compare = (a, b) => {
  const at = a.findIndex((byte, at) => byte !== b[at]);
  return at < 0 ? 0 : a[at] - b[at];
};

/** The hash of the subtree at `depth` that a group of paths goes to. */
function down(group, depth, left, proofs) {
  if (group.length === 0) return left.siblings[left.nextSibling++] ?? refuse('less than the paths need');
  const end = left.ends[left.nextEnd] ?? refuse('less than the paths need');
  const ends = Number(end.depth);
  if (ends === depth) {
    left.nextEnd += 1;
    return stop(group, end.other, proofs);
  }
  if (ends < depth || ends > MAX_DEPTH) refuse('a path ends where it cannot');
  const middle = group.findIndex(({ path }) => bit(path, depth));
  const at = middle < 0 ? group.length : middle;
  const sides = [group.slice(0, at), group.slice(at)];
  const hashes = sides.map((side) => down(side, depth + 1, left, proofs));
  sides.forEach((side, which) => {
    const sibling = hashes[1 - which];
    for (const { place } of side) proofs[place].siblings.push(equal(sibling, ZERO) ? null : sibling);
  });
  return nodeHash(hashes[0], hashes[1]);
}

/** Ends a group: at the leaf that one of it claims, at another, or at nothing. */
function stop(group, other, proofs) {
  const own = group.filter(({ value }) => value !== null);
  if (own.length > 1 || (own.length === 1 && other !== null)) refuse('two leaves in one place');
  const leaf = own[0] ?? other;
  for (const { path, value, place } of group) {
    if (value === null && leaf !== null && equal(leaf.path, path)) refuse('a leaf that is claimed absent');
    proofs[place].end = endOf(value, leaf);
  }
  return leaf === null ? ZERO : leafHash(leaf.path, leaf.value);
}

function witness({ head, cosigners }, inclusion) {
  if (head === null) return { head: null, cosigners };
  if (head.size === inclusion.size) {
    if (head.right.length > 0) refuse('a proof that follows from the rest');
    return { head: inclusion, cosigners };
  }
  const proof = resized(inclusion, head.size, parts(head.right, 32));
  return { head: proof ?? refuse('a proof that does not fit'), cosigners };
}
