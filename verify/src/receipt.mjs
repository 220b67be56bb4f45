// COSE receipts (RFC 9942) and transparent statements (RFC 9943), as this ledger's provinces sign them.

import { EncodingError, read } from './cbor.mjs';
import { array, bytes as byteString, map, nint, signatureStructure, text as textString, uint } from './encode.mjs';
import { bytes, list, struct, text, uint as number } from './format.mjs';
import { concat, equal, hex, keyId, logLeaf, verifies, verifiesEs256 } from './hash.mjs';
import { logRoot } from './proof.mjs';
import { readTransaction } from './transaction.mjs';

export const EDDSA = -8n;
export const ES256 = -7n;
const MAX_RECEIPTS = 128;
const MAX_RECEIPT_BYTES = 4096;
const MAX_PROOF_BYTES = 2048;
const MAX_TEXT_BYTES = 128;
const TAG = 0xd2; // COSE_Sign1

const need = (holds, why) => {
  if (!holds) throw new EncodingError(why);
};

const proofType = struct({ size: number(64), index: number(64), path: list(bytes(32)) });

/** The protected header of a receipt. */
export const protectedHeader = ({ alg, key, issuer, subject, size, height }) =>
  map(
    uint(1n), nint(alg),
    uint(4n), byteString(key),
    uint(15n), map(uint(1n), textString(issuer), uint(2n), textString(subject)),
    uint(395n), uint(1n),
    textString('hefu-size'), uint(size),
    textString('hefu-height'), uint(height),
  );

/** Whether a key signed the receipt of these claims about a log with this root. */
export function signs(claims, root, signature, key, valid = verifies) {
  const message = signatureStructure(protectedHeader(claims), root);
  return claims.alg === ES256
    ? verifiesEs256(key, message, signature)
    : valid(key, message, signature);
}

const isPlain = (value) => /^[\x20-\x7e]*$/.test(value) && value.length <= MAX_TEXT_BYTES;
const label = (node, expected) => node.kind === 'uint' && node.value === expected;

function readClaims(protectedBytes) {
  const header = read(protectedBytes);
  need(header.kind === 'map' && header.value.length === 12, 'protected header');
  const [, alg, , kid, , cwt, , , , size, , height] = header.value;
  need((alg.kind === 'nint' && alg.value === EDDSA) || alg.value === ES256, 'algorithm');
  need(cwt.kind === 'map' && cwt.value.length === 4, 'claims');
  const claims = {
    alg: alg.value,
    key: bytes(20)(kid),
    issuer: text(cwt.value[1]),
    subject: text(cwt.value[3]),
    size: number(64)(size),
    height: number(64)(height),
  };
  need(isPlain(claims.issuer) && isPlain(claims.subject), 'claims');
  // Labels and their order are right when the same bytes come out again.
  need(equal(protectedHeader(claims), protectedBytes), 'protected header');
  return claims;
}

/** Reads a receipt; `signs` checks it. */
export function readReceipt(envelope) {
  need(envelope.length <= MAX_RECEIPT_BYTES, 'too large');
  const cose = read(envelope);
  need(cose.kind === 'tag' && cose.tag === 18n && cose.value.kind === 'array', 'not a COSE_Sign1');
  const parts = cose.value.value;
  need(parts.length === 4 && parts[2].kind === 'null', 'not a receipt');
  const [protectedBytes, signature] = [bytes()(parts[0]), bytes(64)(parts[3])];
  const unprotected = parts[1];
  need(unprotected.kind === 'map' && unprotected.value.length === 2, 'not one proof');
  const [vdp, proofs] = unprotected.value;
  need(label(vdp, 396n) && proofs.kind === 'map' && proofs.value.length === 2, 'not one proof');
  const [inclusion, all] = proofs.value;
  need(inclusion.kind === 'nint' && inclusion.value === -1n, 'not one proof');
  need(all.kind === 'array' && all.value.length === 1, 'not one proof');
  const encoded = bytes()(all.value[0]);
  need(encoded.length <= MAX_PROOF_BYTES, 'too large');
  const proof = proofType(read(encoded));
  const claims = readClaims(protectedBytes);
  need(claims.size === proof.size && claims.size > 1n && proof.index > 0n, 'size');
  return { claims, proof, signature };
}

/** Reads a statement: the transaction as it is in the log, and its receipts. */
export function readStatement(envelope) {
  const cose = read(envelope);
  need(cose.kind === 'tag' && cose.tag === 18n && cose.value.kind === 'array', 'not a COSE_Sign1');
  const parts = cose.value.value;
  need(parts.length === 4 && parts[1].kind === 'map' && parts[1].value.length === 2, 'no receipts');
  const [header, receipts] = parts[1].value;
  need(label(header, 394n), 'no receipts');
  const found = list(bytes())(receipts);
  need(found.length > 0 && found.length <= MAX_RECEIPTS, 'no receipts, or too many');
  const bare = concat([
    Uint8Array.of(TAG),
    array(parts[0].bytes, map(), parts[2].bytes, parts[3].bytes),
  ]);
  return { transaction: readTransaction(bare), envelope: bare, receipts: found.map(readReceipt) };
}

/** What a COSE_Sign1 is, by what stands under its signature: a receipt is detached and has a proof. */
export const isReceipt = (envelope) => {
  const cose = read(envelope);
  return cose.kind === 'tag' && cose.value.kind === 'array' && cose.value.value[2]?.kind === 'null';
};

/**
 * Verifies a statement with cosigners ({ name, key, es256? }): what its receipts say. A receipt by a
 * known key that does not hold spoils it; one by an unknown key is shown as not verified.
 */
export function verifyStatement(envelope, cosigners, valid = verifies) {
  const { transaction, envelope: bare, receipts } = readStatement(envelope);
  return { transaction, receipts: verifyReceipts(transaction, bare, receipts, cosigners, valid) };
}

/** The same for one receipt alone, with the envelope of the transaction that it is of. */
export function verifyReceipt(receipt, envelope, cosigners, valid = verifies) {
  const transaction = readTransaction(envelope);
  return { transaction, receipts: verifyReceipts(transaction, envelope, [readReceipt(receipt)], cosigners, valid) };
}

function verifyReceipts(transaction, envelope, receipts, cosigners, valid) {
  const leaf = logLeaf(envelope);
  const signers = new Set(receipts.map(({ claims }) => `${hex(claims.key)} ${claims.alg}`));
  need(signers.size === receipts.length, 'a receipt of the same key twice');
  return receipts.map(({ claims, proof, signature }) => {
    const known = cosigners.find(({ key }) => equal(keyId(key), claims.key));
    const key = claims.alg === ES256 ? known?.es256 : known?.key;
    if (key !== undefined) {
      const root = logRoot(proof, leaf);
      need(root !== undefined && signs(claims, root, signature, key, valid), 'a forged receipt');
      need(claims.issuer === known.name, 'the name of another');
      need(claims.subject === transaction.subject, 'the subject of another');
    }
    const { issuer, size, height } = claims;
    const alg = claims.alg === ES256 ? 'ES256' : 'EdDSA';
    return { issuer, key: hex(claims.key), alg, leaf: proof.index, size, height, verified: key !== undefined };
  });
}
