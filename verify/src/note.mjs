// Signed notes and checkpoints (c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature).

import { sha256 } from '@noble/hashes/sha2.js';

import { EncodingError } from './cbor.mjs';
import { concat, equal, hex, utf8, verifies } from './hash.mjs';

const MAX_NOTE_BYTES = 64 * 1024;
const MAX_SIGNATURES = 128;
const MAX_NAME_BYTES = 255;
const MAX_LEAVES = 1n << 48n;
const DASH = '\u2014 ';
/** Kinds of signature: over the text, and over the text with a time before it. */
export const PLAIN = 1;
export const COSIGNATURE = 4;

const need = (holds, why) => {
  if (!holds) throw new EncodingError(why);
};

export const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));

/** The bytes of standard Base64 in its one form. */
export function fromBase64(text) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
  return toBase64(bytes) === text ? bytes : undefined;
}

const isName = (name) =>
  name !== '' && utf8(name).length <= MAX_NAME_BYTES && !/[\p{White_Space}+\u0000-\u001f]/u.test(name);

/** Reads a note: its text and its signature lines, none of them checked. */
export function readNote(bytes) {
  need(bytes.length <= MAX_NOTE_BYTES, 'too large');
  let whole;
  try {
    whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    need(false, 'not UTF-8');
  }
  need(!/[\u0000-\u0009\u000b-\u001f]/.test(whole), 'a control character');
  const end = whole.lastIndexOf('\n\n');
  need(end >= 0 && whole.length > end + 2 && whole.endsWith('\n'), 'not a text and signatures');
  const lines = whole.slice(end + 2, -1).split('\n');
  need(lines.length <= MAX_SIGNATURES, 'too many signatures');
  const signatures = lines.map((line) => {
    need(line.startsWith(DASH), 'a line that is no signature');
    const [name, encoded, ...rest] = line.slice(DASH.length).split(' ');
    const signed = encoded === undefined ? undefined : fromBase64(encoded);
    need(rest.length === 0 && isName(name) && signed?.length > 4, 'a line that is no signature');
    return { name, id: signed.subarray(0, 4), bytes: signed.subarray(4) };
  });
  return { text: `${whole.slice(0, end)}\n`, signatures };
}

/** The text of a checkpoint. */
export const checkpointText = (origin, size, root) => `${origin}\n${size}\n${toBase64(root)}\n`;

/** Reads a checkpoint: a note of an origin, a size and a root. */
export function readCheckpoint(bytes) {
  const note = readNote(bytes);
  const [origin, size, root, ...more] = note.text.slice(0, -1).split('\n');
  need(origin !== '', 'no origin');
  need(/^(0|[1-9][0-9]{0,19})$/.test(size ?? '') && BigInt(size) <= MAX_LEAVES, 'no size');
  const hash = root === undefined ? undefined : fromBase64(root);
  need(hash?.length === 32, 'no root');
  need(!more.includes(''), 'an empty line');
  return { note, origin, size: BigInt(size), root: hash };
}

/** The first bytes of a digest of name, kind and key. */
const keyNumber = (name, kind, key) =>
  sha256(concat([utf8(name), Uint8Array.of(10, kind), key])).subarray(0, 4);

/** What a cosignature of a text at a time is over. */
const cosigned = (time, text) => utf8(`cosignature/v1\ntime ${time}\n${text}`);

/** Whether a key (with its suite) cosigned a text at a time. */
export const isCosigned = (key, time, text, signature, valid = verifies) =>
  time < 1n << 63n && valid(key, cosigned(time, text), signature);

/**
 * Which of `cosigners` ({ name, key } with the suite first) cosigned a checkpoint, and when. A line
 * that names one of them and is not its signature spoils the note.
 */
export function verifyCheckpoint(bytes, cosigners, valid = verifies) {
  const { note, origin, size, root } = readCheckpoint(bytes);
  const signed = [];
  for (const { name, key } of cosigners) {
    const id = keyNumber(name, COSIGNATURE, key.subarray(1));
    let found;
    for (const line of note.signatures.filter((line) => line.name === name && equal(line.id, id))) {
      need(line.bytes.length === 72, 'not a cosignature');
      const time = line.bytes.subarray(0, 8).reduce((all, byte) => (all << 8n) | BigInt(byte), 0n);
      need(isCosigned(key, time, note.text, line.bytes.subarray(8), valid), 'a forged line');
      found = time;
    }
    if (found !== undefined) signed.push({ name, time: found });
  }
  return { origin, size, root: hex(root), signed };
}

/** Reads a verifier key (NAME+ID+KEY) of a cosigner. */
export function readVerifierKey(text) {
  const [name, id, encoded, ...rest] = text.split('+');
  // Base64 has plus signs of its own.
  const bytes = fromBase64([encoded, ...rest].join('+'));
  need(isName(name ?? '') && bytes?.length === 33 && bytes[0] === COSIGNATURE, 'not a cosigner\'s key');
  const key = bytes.subarray(1);
  need(hex(keyNumber(name, COSIGNATURE, key)) === id, 'not a cosigner\'s key');
  return { name, key: concat([Uint8Array.of(1), key]) };
}
