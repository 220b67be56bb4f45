#!/usr/bin/env node
// hefu-verify CAPSULE --genesis HASH: exit code 0 verified, 2 wrong usage, 3 proves nothing.

import { readFileSync } from 'node:fs';

import { CapsuleError, verifyCapsule } from './capsule.mjs';
import { unhex } from './hash.mjs';

const USAGE = 'usage: hefu-verify CAPSULE --genesis HASH\n';

function main([file, flag, genesis, ...rest]) {
  if (file === undefined || flag !== '--genesis' || !/^[0-9a-f]{64}$/.test(genesis ?? '') || rest.length > 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  let bytes;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    return error.code === 'ENOENT' ? 4 : 1;
  }
  try {
    const verified = verifyCapsule(new Uint8Array(bytes), unhex(genesis));
    process.stdout.write(`${JSON.stringify({ valid: true, ...verified }, plain, 2)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof CapsuleError)) throw error;
    process.stdout.write(`${JSON.stringify({ valid: false, step: error.step, why: error.message }, null, 2)}\n`);
    return 3;
  }
}

/** Numbers that may pass 2^53 are decimal strings. */
const plain = (_, value) => (typeof value === 'bigint' ? value.toString() : value);

process.exitCode = main(process.argv.slice(2));
