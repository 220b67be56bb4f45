// The cosigners' keys, as a node lists them (/api/v1/log/cosigners). Nothing here proves them; a capsule
// does that.

import { EncodingError } from './cbor.mjs';
import { Domain, hash, hex, unhex, verifies } from './hash.mjs';
import { readVerifierKey } from './note.mjs';

const wrong = () => {
  throw new EncodingError("not a node's list of cosigners");
};

/** A list that is whole, and of another ledger. */
export class OtherLedger extends EncodingError {}

/**
 * Names and keys of a list of the cosigners of the ledger `genesis` (hexadecimal); a key for ES256 only
 * with the registered key's endorsement. Anything else in it, or a key twice, spoils the list.
 */
export function cosignersOf(list, genesis) {
  if (!Array.isArray(list?.cosigners) || list.cosigners.length === 0) wrong();
  const found = list.cosigners.map((entry) => cosignerOf(entry ?? {}));
  if (new Set(found.map(({ key }) => hex(key))).size < found.length) wrong();
  const other = found.find(({ name }) => name.split('/')[1] !== genesis);
  if (other !== undefined) throw new OtherLedger(`the list is of the ledger ${other.name.split('/')[1]}`);
  return found;
}

function cosignerOf({ cosigner, es256, es256_endorsement: endorsement }) {
  const { name, key } = readVerifierKey(typeof cosigner === 'string' ? cosigner : '');
  if (!/^hefu\/[0-9a-f]{64}\/[0-9]{6}$/.test(name)) wrong();
  if (typeof es256 !== 'string' || typeof endorsement !== 'string') return { name, key };
  const other = unhex(es256);
  const endorsed = verifies(key, hash(Domain.es256, other), unhex(endorsement));
  return endorsed ? { name, key, es256: other } : { name, key };
}
