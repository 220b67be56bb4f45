// Deterministic CBOR (RFC 8949, section 4.2), and nothing else: a long form, an indefinite length or
// a trailing byte is an error. Every node keeps the bytes it was read from, because hashes are
// taken over them.

const MAX_DEPTH = 32;
/** Most items of one encoding: each becomes an object, whatever its bytes. */
const MAX_ITEMS = 1 << 19;

export class EncodingError extends Error {}

const fail = (why, at) => {
  throw new EncodingError(`${why} at byte ${at}`);
};

/** Reads one item that fills `bytes`. */
export function read(bytes) {
  const reader = { bytes, at: 0, items: 0 };
  const node = item(reader, 0);
  if (reader.at !== bytes.length) fail('trailing bytes', reader.at);
  return node;
}

function item(reader, depth) {
  if (depth > MAX_DEPTH) fail('too deep', reader.at);
  if ((reader.items += 1) > MAX_ITEMS) fail('too many items', reader.at);
  const start = reader.at;
  const node = content(reader, depth);
  node.bytes = reader.bytes.subarray(start, reader.at);
  return node;
}

function content(reader, depth) {
  const start = reader.at;
  const first = byte(reader);
  const major = first >> 5;
  if (major === 7) return simple(first, start);
  const number = argument(reader, first & 31, start);
  switch (major) {
    case 0:
      return { kind: 'uint', value: number };
    case 1:
      return { kind: 'nint', value: -1n - number };
    case 2:
      return { kind: 'bytes', value: take(reader, number) };
    case 3:
      return { kind: 'text', value: utf8(take(reader, number), start) };
    case 4:
      return { kind: 'array', value: items(reader, number, depth) };
    case 5:
      return { kind: 'map', value: items(reader, number * 2n, depth) };
    default:
      return { kind: 'tag', tag: number, value: item(reader, depth + 1) };
  }
}

function simple(first, start) {
  if (first === 0xf4 || first === 0xf5) return { kind: 'bool', value: first === 0xf5 };
  if (first === 0xf6) return { kind: 'null', value: null };
  return fail('an item that is not used here', start);
}

function items(reader, count, depth) {
  if (count > BigInt(reader.bytes.length - reader.at)) fail('more items than bytes', reader.at);
  const list = [];
  for (let left = count; left > 0n; left -= 1n) list.push(item(reader, depth + 1));
  return list;
}

function argument(reader, info, start) {
  if (info < 24) return BigInt(info);
  const length = [1, 2, 4, 8][info - 24];
  if (length === undefined) fail('an indefinite or reserved length', start);
  let number = 0n;
  for (const part of take(reader, BigInt(length))) number = (number << 8n) | BigInt(part);
  const least = length === 1 ? 24n : 1n << BigInt(4 * length);
  if (number < least) fail('a number longer than it needs to be', start);
  return number;
}

function byte(reader) {
  if (reader.at >= reader.bytes.length) fail('the end', reader.at);
  return reader.bytes[reader.at++];
}

function take(reader, length) {
  if (length > BigInt(reader.bytes.length - reader.at)) fail('the end', reader.at);
  const start = reader.at;
  reader.at += Number(length);
  return reader.bytes.subarray(start, reader.at);
}

function utf8(bytes, start) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail('text that is not UTF-8', start);
  }
}
