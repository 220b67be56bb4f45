// What is signed is made again here, in the one form that deterministic CBOR has.

import { concat, utf8 } from './hash.mjs';

/** The head of an item: major type and number, in the shortest form. */
function head(major, number) {
  const first = major << 5;
  if (number < 24n) return Uint8Array.of(first | Number(number));
  const [info, length] = [[24, 1], [25, 2], [26, 4], [27, 8]].find(
    ([, length]) => number < 1n << BigInt(8 * length),
  );
  const bytes = Uint8Array.of(first | info, ...new Uint8Array(length));
  for (let at = length, rest = number; at > 0; at -= 1, rest >>= 8n) bytes[at] = Number(rest & 255n);
  return bytes;
}

export const uint = (number) => head(0, BigInt(number));
export const nint = (number) => head(1, -1n - BigInt(number));
export const bytes = (value) => concat([head(2, BigInt(value.length)), value]);
export const text = (value) => concat([head(3, BigInt(utf8(value).length)), utf8(value)]);
export const array = (...items) => concat([head(4, BigInt(items.length)), ...items]);
export const map = (...items) => concat([head(5, BigInt(items.length / 2)), ...items]);

/** Sig_structure of COSE_Sign1 (RFC 9052, section 4.4). */
export const signatureStructure = (protectedBytes, payload) =>
  array(text('Signature1'), bytes(protectedBytes), bytes(new Uint8Array()), bytes(payload));
