// Checks a checkpoint's cosignatures and every receipt of a statement with node:crypto alone.
// Arguments: the folder with checkpoint, statement.cose, leaf.cose and keys.json.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import assert from 'node:assert/strict';

const folder = process.argv[2];
const read = (name) => readFileSync(`${folder}/${name}`);
const { origin, cosigners } = JSON.parse(read('keys.json'));
const sha256 = (...parts) => parts.reduce((h, part) => h.update(part), createHash('sha256')).digest();

// As much CBOR as receipts have.
function decode(bytes) {
  let at = 0;
  const item = () => {
    const first = bytes[at++];
    const [major, info] = [first >> 5, first & 31];
    if (first === 0xf6) return null;
    let value = BigInt(info);
    if (info >= 24) {
      const length = 1 << (info - 24);
      value = BigInt(`0x${bytes.subarray(at, at + length).toString('hex')}`);
      at += length;
    }
    const count = Number(value);
    switch (major) {
      case 0: return count;
      case 1: return -1 - count;
      case 2: at += count; return bytes.subarray(at - count, at);
      case 3: at += count; return bytes.subarray(at - count, at).toString();
      case 4: return Array.from({ length: count }, item);
      case 5: return new Map(Array.from({ length: count }, () => [item(), item()]));
      case 6: assert.equal(count, 18); return item();
      default: throw new Error(`CBOR ${first}`);
    }
  };
  const whole = item();
  assert.equal(at, bytes.length);
  return whole;
}

function bstr(bytes) {
  const length = bytes.length;
  const head = length < 24 ? [0x40 + length] : length < 256 ? [0x58, length] : [0x59, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), bytes]);
}

function rootOf(leaf, index, size, path) {
  let [node, last, hash] = [index, size - 1, sha256(Buffer.from([0]), leaf)];
  for (const sibling of path) {
    assert(last > 0);
    if (node % 2 === 1 || node === last) {
      hash = sha256(Buffer.from([1]), sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
    } else {
      hash = sha256(Buffer.from([1]), hash, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  assert.equal(last, 0);
  return hash;
}

function check(receipt, leaf, key) {
  const [protectedHeader, unprotected, payload, signature] = decode(receipt);
  const header = decode(protectedHeader);
  assert.equal(payload, null);
  assert.equal(header.get(395), 1);
  const [size, index, path] = decode(unprotected.get(396).get(-1)[0]);
  assert.equal(size, header.get('hefu-size'));
  const root = rootOf(leaf, index, size, path);
  const message = Buffer.concat([
    Buffer.from([0x84, 0x6a]), Buffer.from('Signature1'), bstr(protectedHeader), bstr(Buffer.alloc(0)), bstr(root),
  ]);
  const alg = header.get(1);
  const pem = createPublicKey(alg === -8 ? key.ed25519_pem : key.es256_pem);
  const valid = alg === -8
    ? verify(null, message, pem, signature)
    : verify('sha256', message, { key: pem, dsaEncoding: 'ieee-p1363' }, signature);
  assert(valid, 'signature');
  return alg;
}

// Receipts.
const leaf = read('leaf.cose');
const receipts = decode(read('statement.cose'))[1].get(394);
const algs = new Set();
for (const receipt of receipts) {
  const kid = decode(decode(receipt)[0]).get(4).toString('hex');
  const key = cosigners.find((one) => one.key_id === kid);
  algs.add(check(receipt, leaf, key));
  for (let at = 0; at < receipt.length; at += 5) {
    const changed = Buffer.from(receipt);
    changed[at] ^= 1;
    assert.throws(() => check(changed, leaf, key), `byte ${at}`);
  }
}
assert.deepEqual([...algs].sort(), [-7, -8]);

// The checkpoint.
const note = read('checkpoint').toString();
const split = note.lastIndexOf('\n\n');
const [text, lines] = [note.slice(0, split + 1), note.slice(split + 2).trimEnd().split('\n')];
assert.equal(text.split('\n')[0], origin);
let cosigned = 0;
for (const line of lines) {
  const [, name, encoded] = line.split(' ');
  const bytes = Buffer.from(encoded, 'base64');
  const key = cosigners.find((one) => one.name === name);
  if (!key) continue;
  const raw = Buffer.from(key.cosigner.split('+').slice(2).join('+'), 'base64');
  assert.deepEqual(bytes.subarray(0, 4), sha256(Buffer.from(`${name}\n`), raw).subarray(0, 4));
  const time = bytes.readBigUInt64BE(4);
  const message = Buffer.from(`cosignature/v1\ntime ${time}\n${text}`);
  assert(verify(null, message, createPublicKey(key.ed25519_pem), bytes.subarray(12)));
  cosigned += 1;
}
assert(cosigned * 3 > cosigners.length * 2, 'a quorum cosigned');
console.log(`${receipts.length} receipts and ${cosigned} cosignatures verified, changes refused`);
