// BLAKE3 with a context for each use, SHA-256 for the audit log, and the one rule of signatures.

import { ed25519 } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { sha256 } from '@noble/hashes/sha2.js';

const encoder = new TextEncoder();

export const utf8 = (text) => encoder.encode(text);

/** The contexts, as `primitives/src/hash.rs` names them. */
export const Domain = Object.freeze({
  genesis: 'hefu v1 genesis',
  transaction: 'hefu v1 transaction id',
  block: 'hefu v1 block id',
  validators: 'hefu v1 validator set',
  mapLeaf: 'hefu v1 map leaf',
  mapNode: 'hefu v1 map node',
  record: 'hefu v1 state record',
  mapKey: 'hefu v1 map key',
  key: 'hefu v1 key id',
  vote: 'hefu v1 vote',
  capsule: 'hefu v1 capsule file',
  es256: 'hefu v1 es256 key',
});

export function concat(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** BLAKE3 of the parts, one after the other, in a domain. */
export const hash = (domain, ...parts) =>
  blake3(concat(parts), { context: encoder.encode(domain) });

/** Leaf and inner node of the RFC 9162 log. */
export const logLeaf = (data) => sha256(concat([Uint8Array.of(0), data]));
export const logNode = (left, right) => sha256(concat([Uint8Array.of(1), left, right]));

export const equal = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export function unhex(text) {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new RangeError('not lower-case hexadecimal');
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Key id: the first 20 bytes of the hash of suite and key. */
export const keyId = (publicKey) => hash(Domain.key, publicKey).subarray(0, 20);

/** ZIP-215: the cofactored rule, the same for one signature and for many. */
export function verifies(publicKey, message, signature) {
  try {
    return ed25519.verify(signature, message, publicKey.subarray(1), { zip215: true });
  } catch {
    return false; // bytes that are no point, or no scalar
  }
}

/** ECDSA on P-256 with SHA-256: `r ‖ s`, and of the two values of `s` the smaller. */
export function verifiesEs256(publicKey, message, signature) {
  try {
    return p256.verify(signature, message, publicKey, { prehash: true, lowS: true, format: 'compact' });
  } catch {
    return false; // bytes that are no point, or no scalar
  }
}
