// What provinces signed of the log: the checkpoint and the receipts are not in a capsule, they are made
// of its other parts, and the signatures are checked over that.

import { read } from './cbor.mjs';
import { concat, equal, hex, keyId, logLeaf } from './hash.mjs';
import { checkpointText, isCosigned } from './note.mjs';
import { logRoot } from './proof.mjs';
import { EDDSA, signs } from './receipt.mjs';

/** The table of key records, and the one role of a cosigner. */
const KEY_TABLE = 4;
const COSIGNER = 8n;
/** The reason of a revocation: the key is in other hands. */
const COMPROMISED = 2n;

/** Verifies what provinces signed; `need` names the step that fails. */
export function checkWitness(capsule, transaction, { chain, valid }, need) {
  const { head, cosigners } = capsule.witness;
  const records = cosigners.map((cosigner, at) => recordOf(capsule, cosigner, at, need));
  const cosigned = cosigners.some(({ cosignature }) => cosignature !== null);
  need(head === null || cosigned, 'checkpoint', 'nobody cosigned it');
  const leaf = logLeaf(capsule.transaction);
  const root = head === null ? undefined : logRoot(head, leaf);
  need(head === null || root !== undefined, 'checkpoint', 'not a log with the transaction');
  const sameAs = head === null ? null : agreeing(capsule, head.size, root, need);
  const origin = `hefu/${hex(chain)}`;
  const text = head === null ? '' : checkpointText(origin, head.size, root);
  const { header } = capsule.recorded;
  for (const { region, key, cosignature, receipt } of cosigners) {
    if (cosignature !== null) {
      const { time, signature } = cosignature;
      need(isCosigned(key, time, text, signature, valid), 'checkpoint', `not cosigned by ${region}`);
    }
    if (receipt !== null) {
      const claims = {
        alg: EDDSA,
        key: keyId(key),
        issuer: `${origin}/${name(region)}`,
        subject: transaction.subject,
        size: header.logSize,
        height: header.height,
      };
      const whole = header.logSize > 1n && capsule.inclusion.index > 0n;
      const held = whole && signs(claims, header.logRoot, receipt, key, valid);
      need(held, 'receipts', `not a receipt of ${region}`);
    }
  }
  cosigners.forEach(({ region }, at) => {
    need(isCosigner(records[at], region), 'cosigners', `${region}: the key is no cosigner's of it`);
  });
  return {
    checkpoint: head === null ? null : { size: head.size, root: hex(root), sameAsHeight: sameAs },
    cosigners: cosigners.map(({ region, key, cosignature, receipt }, at) => ({
      region,
      key: hex(keyId(key)),
      cosigned: cosignature === null ? null : cosignature.time,
      receipt: receipt !== null,
      doubt: doubt(records[at], cosignature === null ? null : cosignature.time),
    })),
  };
}

/** The record of a cosigner's key, which the status proves; each stands once and in its order. */
function recordOf({ status, witness: { head, cosigners } }, cosigner, at, need) {
  const { region, key, cosignature, receipt } = cosigner;
  const before = cosigners.slice(0, at);
  const wanted = concat([Uint8Array.of(KEY_TABLE), keyId(key)]);
  const record = status?.records.find((record) => record.value !== null && equal(record.key, wanted));
  const good =
    (at === 0 || before.at(-1).region < region) &&
    !before.some((other) => equal(other.key, key)) &&
    record !== undefined &&
    (cosignature !== null || receipt !== null) &&
    (head !== null || cosignature === null);
  need(good, 'cosigners', `${region}: its key is not proven, or does not stand in its place`);
  return record.value;
}

/**
 * Why what a cosigner signed counts for nothing, by the record of its key: found compromised, or (of a
 * cosignature, which states a time in seconds) out of the key's term; null when it counts.
 */
export function doubt(value, time) {
  const at = (node) => (node === undefined || node.kind === 'null' ? null : node.value);
  const record = read(value).value;
  const [notBefore, notAfter, retires, bound] = [3, 4, 6, 9].map((place) => at(record[place]));
  const [last, first] = [at(record[7]), at(record[10])];
  if (last !== null && last[0].value === COMPROMISED) return 'compromised';
  if (time === null) return null;
  const ended = (first ?? last)?.[3].value ?? null;
  const inTerm = (ms) =>
    bound <= ms && notBefore <= ms && ms <= notAfter &&
    (retires === null || ms <= retires) && (ended === null || ms <= ended);
  return inTerm(time * 1000n) || inTerm(time * 1000n + 999n) ? null : 'out_of_term';
}

/** The height of a certified header with a log of this size, which must be the same log. */
function agreeing({ status, recorded }, size, root, need) {
  let height = null;
  for (const certified of [status?.certified, recorded]) {
    if (certified?.header.logSize !== size) continue;
    need(equal(certified.header.logRoot, root), 'checkpoint', 'it contradicts a certified header');
    height = certified.header.height;
  }
  return height;
}

const name = (region) => region.toString().padStart(6, '0');

/** Whether a key's record says that it cosigns, and is owned by an authority of the province. */
function isCosigner(value, region) {
  const [, owner, roles] = read(value).value;
  const only = roles?.kind === 'array' && roles.value.length === 1 && roles.value[0].value === COSIGNER;
  const province = /^..([0-9]{2})/.exec(owner?.value ?? '')?.[1];
  return only && province !== undefined && BigInt(province) * 10_000n === region;
}
