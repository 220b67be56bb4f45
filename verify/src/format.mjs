// The types of a capsule, as docs/hefu.cddl describes them. A type is a function that turns a CBOR
// node into a value or throws.

import { EncodingError } from './cbor.mjs';
import { equal } from './hash.mjs';

const MAX_VALIDATORS = 64;
const MAX_POWER = 1n << 54n;

const refuse = (why) => {
  throw new EncodingError(why);
};

const value = (node, kind) => (node.kind === kind ? node.value : refuse(`${kind} expected`));

export const uint = (bits) => (node) => {
  const number = value(node, 'uint');
  return number < 1n << BigInt(bits) ? number : refuse(`more than ${bits} bits`);
};
export const bytes = (length) => (node) => {
  const found = value(node, 'bytes');
  return length === undefined || found.length === length ? found : refuse(`${length} bytes expected`);
};
export const text = (node) => value(node, 'text');
export const list = (type) => (node) => value(node, 'array').map(type);
export const optional = (type) => {
  const read = (node) => (node.kind === 'null' ? null : type(node));
  read.optional = true;
  return read;
};

/** An array of fields by name; trailing ones without a value are left away, never written null. */
export const struct = (fields) => {
  const names = Object.keys(fields);
  const types = Object.values(fields);
  const needed = types.findLastIndex((type) => !type.optional) + 1;
  return (node) => {
    const parts = value(node, 'array');
    if (parts.length < needed || parts.length > types.length) refuse('wrong number of fields');
    if (parts.length > needed && parts.at(-1).kind === 'null') refuse('null at the end');
    const read = { bytes: node.bytes };
    names.forEach((name, at) => {
      read[name] = at < parts.length ? types[at](parts[at]) : null;
    });
    return read;
  };
};

const h32 = bytes(32);
const publicKey = (node) => {
  const key = bytes(33)(node);
  return key[0] === 1 ? key : refuse('a suite that is not known');
};

const validator = struct({ region: uint(32), key: publicKey, power: uint(64) });

/** Ordered by province, with no province and no key twice. */
export const validatorSet = (node) => {
  const validators = list(validator)(node);
  if (validators.length === 0 || validators.length > MAX_VALIDATORS) refuse('not a validator set');
  validators.forEach(({ region, key, power }, at) => {
    const ordered = at === 0 || validators[at - 1].region < region;
    const again = validators.slice(0, at).some((other) => equal(other.key, key));
    if (!ordered || again || power === 0n || power > MAX_POWER) refuse('not a validator set');
  });
  return { bytes: node.bytes, validators };
};

export const header = struct({
  protocol: uint(16),
  chain: h32,
  height: uint(64),
  round: uint(32),
  time: uint(64),
  parent: h32,
  bundlesRoot: h32,
  outcomesRoot: h32,
  logSize: uint(64),
  logRoot: h32,
  stateRoot: h32,
  validators: h32,
  nextValidators: h32,
  parameters: h32,
  proposer: bytes(20),
});

const certificate = struct({
  height: uint(64),
  round: uint(32),
  block: h32,
  signatures: list(struct({ index: uint(16), signature: bytes(64) })),
});
const certified = struct({ header, certificate });

const proofEnd = (node) => {
  const parts = value(node, 'array');
  if (parts.length !== 2) refuse('a variant is a number and its fields');
  const [number, fields] = [uint(8)(parts[0]), value(parts[1], 'array')];
  if (number === 0n && fields.length === 0) return { kind: 'empty' };
  if (number === 1n && fields.length === 1) return { kind: 'value', value: h32(fields[0]) };
  if (number === 2n && fields.length === 2) {
    return { kind: 'other', path: h32(fields[0]), value: h32(fields[1]) };
  }
  return refuse('an end that no proof has');
};
const mapProof = struct({ siblings: list(optional(h32)), end: proofEnd });

const keyId = bytes(20);
const packedHeader = struct({
  protocol: optional(uint(16)),
  height: uint(64),
  round: uint(32),
  time: uint(64),
  parent: optional(h32),
  bundlesRoot: h32,
  outcomesRoot: h32,
  logSize: uint(64),
  logRoot: h32,
  stateRoot: h32,
  nextValidators: optional(h32),
  parameters: optional(h32),
  proposer: keyId,
});
const packedCertificate = struct({ round: uint(32), signers: uint(64), signatures: bytes() });
const packedCertified = struct({ header: packedHeader, seal: packedCertificate });
const sharedProof = struct({
  siblings: bytes(),
  ends: list(struct({ depth: uint(16), other: optional(struct({ path: h32, value: h32 })) })),
});
const cosigner = struct({
  region: uint(32),
  key: publicKey,
  cosignature: optional(struct({ time: uint(64), signature: bytes(64) })),
  receipt: optional(bytes(64)),
});

export const capsuleFile = struct({ capsule: bytes(), digest: h32 });
const anchor = struct({
  format: uint(16),
  document: h32,
  created: uint(64),
  stateRoot: h32,
  validators: validatorSet,
});

/** Format 1. */
export const firstCapsule = struct({
  format: uint(16),
  anchor,
  setChanges: list(struct({ certified, next: validatorSet })),
  recorded: certified,
  transaction: bytes(),
  signer: publicKey,
  inclusion: struct({ index: uint(64), size: uint(64), path: list(h32) }),
  status: optional(
    struct({
      certified,
      records: list(struct({ key: bytes(), value: optional(bytes()), proof: mapProof })),
    }),
  ),
  before: optional(header),
});

/** What a transaction's payload says. */
export const transactionBody = struct({ chain: h32, notAfter: uint(64), acts: list(bytes()) });

/** Format 2, before what follows from the rest is put back. */
export const packedCapsule = struct({
  format: uint(16),
  anchor,
  setChanges: list(struct({ header: packedHeader, seal: packedCertificate, next: validatorSet })),
  recorded: packedHeader,
  seal: packedCertificate,
  before: optional(packedHeader),
  transaction: bytes(),
  signer: publicKey,
  leaf: uint(64),
  path: bytes(),
  status: optional(
    struct({
      at: optional(packedCertified),
      records: list(struct({ key: bytes(), value: optional(bytes()) })),
      proof: sharedProof,
    }),
  ),
  witness: optional(
    struct({
      head: optional(struct({ size: uint(64), right: bytes() })),
      cosigners: list(cosigner),
    }),
  ),
});
