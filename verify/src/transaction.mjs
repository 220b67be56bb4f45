// Transactions: COSE_Sign1 (RFC 9052) with exactly the header our ledger writes.

import { EncodingError, read } from './cbor.mjs';
import { bytes, text, transactionBody } from './format.mjs';
import { Domain, equal, hash, hex, keyId } from './hash.mjs';

const MAX_TRANSACTION_BYTES = 65_535;
const MAX_ACTS = 256;
const MAX_ACT_BYTES = 4_096;
const MAX_SUBJECT_BYTES = 128;
const CONTENT_TYPE = 'application/hefu-acts+cbor';

const need = (holds, why) => {
  if (!holds) throw new EncodingError(why);
};

/** Reads a transaction; its signature is checked by `isSignedBy`. */
export function readTransaction(envelope) {
  need(envelope.length <= MAX_TRANSACTION_BYTES, 'too large');
  const cose = read(envelope);
  need(cose.kind === 'tag' && cose.tag === 18n && cose.value.kind === 'array', 'not a COSE_Sign1');
  const parts = cose.value.value;
  need(parts.length === 4 && parts[1].kind === 'map' && parts[1].value.length === 0, 'not ours');
  const [protectedBytes, payload, signature] = [bytes()(parts[0]), bytes()(parts[2]), bytes(64)(parts[3])];
  const claims = readHeader(protectedBytes);
  const body = transactionBody(read(payload));
  need(body.acts.length > 0 && body.acts.length <= MAX_ACTS, 'number of acts');
  need(body.acts.every((act) => act.length <= MAX_ACT_BYTES), 'size of an act');
  // Sig_structure: ["Signature1", protected, h'', payload]
  const signed = Uint8Array.from([
    0x84, 0x6a, ...new TextEncoder().encode('Signature1'),
    ...parts[0].bytes, 0x40, ...parts[2].bytes,
  ]);
  return { ...claims, ...body, signature, signed, id: hash(Domain.transaction, signed) };
}

function readHeader(protectedBytes) {
  const header = read(protectedBytes);
  need(header.kind === 'map' && header.value.length === 8, 'protected header');
  const [alg, eddsa, type, ours, kid, key, cwt, claims] = header.value;
  need(label(alg, 1n) && label(type, 3n) && label(kid, 4n) && label(cwt, 15n), 'protected header');
  need(eddsa.kind === 'nint' && eddsa.value === -8n, 'algorithm');
  need(text(ours) === CONTENT_TYPE, 'content type');
  need(claims.kind === 'map' && claims.value.length === 4, 'claims');
  const [iss, issuer, sub, subject] = claims.value;
  need(label(iss, 1n) && label(sub, 2n), 'claims');
  need(/^[0-9A-Z]{18}$/.test(text(issuer)), 'issuer');
  need(/^[\x20-\x7e]*$/.test(text(subject)) && text(subject).length <= MAX_SUBJECT_BYTES, 'subject');
  return { key: bytes(20)(key), issuer: text(issuer), subject: text(subject) };
}

const label = (node, number) => node.kind === 'uint' && node.value === number;

/** Whether `publicKey` is the named key and signed the transaction. */
export const isSignedBy = (transaction, publicKey, valid) =>
  equal(keyId(publicKey), transaction.key) &&
  valid(publicKey, transaction.signed, transaction.signature);

export const describe = (transaction) => ({
  id: hex(transaction.id),
  issuer: transaction.issuer,
  subject: transaction.subject,
  acts: transaction.acts.length,
});
