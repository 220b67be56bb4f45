// Proofs of the audit log (RFC 9162, section 2.1.3.2) and of the authenticated map.

import { Domain, equal, hash, logNode } from './hash.mjs';

export const ZERO = new Uint8Array(32);
const MAX_DEPTH = 256;

/** On which side each sibling of the way from a leaf to the root stands; undefined outside the log. */
function sides(index, size) {
  if (index >= size) return undefined;
  const found = [];
  for (let [node, last] = [index, size - 1n]; last !== 0n; [node, last] = [node >> 1n, last >> 1n]) {
    const left = node % 2n === 1n || node === last;
    if (left) while (node % 2n === 0n && node !== 0n) [node, last] = [node >> 1n, last >> 1n];
    found.push(left ? 'left' : 'right');
  }
  return found;
}

/** The root to which the proof leads from a leaf hash; undefined when it has not the right length. */
export function logRoot({ index, size, path }, leaf) {
  const ways = sides(index, size);
  if (ways?.length !== path.length) return undefined;
  return path.reduce(
    (here, sibling, at) => (ways[at] === 'left' ? logNode(sibling, here) : logNode(here, sibling)),
    leaf,
  );
}

/** Whether the proof leads from a leaf hash to the root of a log of `size` leaves. */
export function logIncludes(proof, leaf, size, root) {
  const found = proof.size === size ? logRoot(proof, leaf) : undefined;
  return found !== undefined && equal(found, root);
}

/**
 * The proof of the same leaf in a log of another size, of which only the hashes to the right are
 * given: those to the left are the same for every size. Undefined when they do not fit.
 */
export function resized(proof, size, right) {
  const ways = sides(proof.index, proof.size);
  if (ways?.length !== proof.path.length) return undefined;
  const left = proof.path.filter((_, at) => ways[at] === 'left');
  const wanted = sides(proof.index, size);
  if (wanted === undefined) return undefined;
  const rest = { left: [...left], right: [...right] };
  const path = wanted.map((side) => rest[side].shift());
  if (path.includes(undefined) || rest.left.length > 0 || rest.right.length > 0) return undefined;
  return { index: proof.index, size, path };
}

/**
 * What the map holds at a path: the hash of the value, or null for nothing. Undefined when the
 * proof proves nothing.
 */
export function mapHolds(proof, root, path) {
  const { siblings, end } = proof;
  const shapeless =
    siblings.length > MAX_DEPTH ||
    siblings.some((sibling) => sibling !== null && equal(sibling, ZERO)) ||
    (siblings.length > 0 && siblings.at(-1) === null);
  if (shapeless) return undefined;
  let here = endHash(end, path, siblings.length);
  if (here === undefined) return undefined;
  for (let depth = siblings.length - 1; depth >= 0; depth -= 1) {
    const sibling = siblings[depth] ?? ZERO;
    here = bit(path, depth) ? nodeHash(sibling, here) : nodeHash(here, sibling);
  }
  if (!equal(here, root)) return undefined;
  return end.kind === 'value' ? end.value : null;
}

function endHash(end, path, depth) {
  if (end.kind === 'empty') return ZERO;
  if (end.kind === 'value') return leafHash(path, end.value);
  if (equal(end.path, path)) return undefined;
  for (let at = 0; at < depth; at += 1) {
    if (bit(end.path, at) !== bit(path, at)) return undefined;
  }
  return leafHash(end.path, end.value);
}

export const nodeHash = (left, right) => hash(Domain.mapNode, left, right);
export const leafHash = (path, value) => hash(Domain.mapLeaf, path, value);

/** What stands where the path of a value, or of none, ends: its own leaf, another one, or nothing. */
export function endOf(value, leaf) {
  if (value !== null) return { kind: 'value', value };
  return leaf === null ? { kind: 'empty' } : { kind: 'other', path: leaf.path, value: leaf.value };
}

export const bit = (path, depth) => (path[depth >> 3] & (0x80 >> (depth & 7))) !== 0;
