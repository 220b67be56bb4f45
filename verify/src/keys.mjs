// The cosigners' keys, as a node lists them (/api/v1/log/cosigners). Nothing here proves them; a capsule
// does that.

import { Domain, hash, unhex, verifies } from './hash.mjs';
import { readVerifierKey } from './note.mjs';

/** Names and keys of a list; a key for ES256 only with the registered key's endorsement. */
export const cosignersOf = ({ cosigners }) =>
  cosigners.map(({ cosigner, es256, es256_endorsement: endorsement }) => {
    const { name, key } = readVerifierKey(cosigner);
    if (typeof es256 !== 'string' || typeof endorsement !== 'string') return { name, key };
    const other = unhex(es256);
    const endorsed = verifies(key, hash(Domain.es256, other), unhex(endorsement));
    return endorsed ? { name, key, es256: other } : { name, key };
  });
