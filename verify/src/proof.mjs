// Proofs of the audit log (RFC 9162, section 2.1.3.2) and of the authenticated map.

import { Domain, equal, hash, logNode } from './hash.mjs';

const ZERO = new Uint8Array(32);
const MAX_DEPTH = 256;

/** Whether the proof leads from a leaf hash to the root of a log of `size` leaves. */
export function logIncludes(proof, leaf, size, root) {
  if (proof.size !== size || proof.index >= size) return false;
  let [node, last, here] = [proof.index, size - 1n, leaf];
  for (const sibling of proof.path) {
    if (last === 0n) return false;
    if (node % 2n === 1n || node === last) {
      here = logNode(sibling, here);
      while (node % 2n === 0n && node !== 0n) [node, last] = [node >> 1n, last >> 1n];
    } else {
      here = logNode(here, sibling);
    }
    [node, last] = [node >> 1n, last >> 1n];
  }
  return last === 0n && equal(here, root);
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
    here = bit(path, depth)
      ? hash(Domain.mapNode, sibling, here)
      : hash(Domain.mapNode, here, sibling);
  }
  if (!equal(here, root)) return undefined;
  return end.kind === 'value' ? end.value : null;
}

function endHash(end, path, depth) {
  if (end.kind === 'empty') return ZERO;
  if (end.kind === 'value') return hash(Domain.mapLeaf, path, end.value);
  if (equal(end.path, path)) return undefined;
  for (let at = 0; at < depth; at += 1) {
    if (bit(end.path, at) !== bit(path, at)) return undefined;
  }
  return hash(Domain.mapLeaf, end.path, end.value);
}

const bit = (path, depth) => (path[depth >> 3] & (0x80 >> (depth & 7))) !== 0;
