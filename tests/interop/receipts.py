"""Checks COSE receipts of a running ledger with scitt-cose, which shares no code with hefu.

Arguments: the folder with statement.cose (a transparent statement) and keys.json (the answer of
/api/v1/log/cosigners). Every receipt must verify, and none after any change.
"""

import json
import pathlib
import sys

import cbor2
from scitt_cose import extract_receipts, parse_signed_statement, verify_receipt

folder = pathlib.Path(sys.argv[1])
statement = (folder / "statement.cose").read_bytes()
keys = {key["key_id"]: key for key in json.loads((folder / "keys.json").read_text())["cosigners"]}

# The leaf is the registered form: the same envelope, its unprotected header empty.
outer = cbor2.loads(statement)
protected, unprotected, payload, signature = outer.value
leaf = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))
assert leaf == (folder / "leaf.cose").read_bytes(), "the registered form is the leaf"

signer = (folder / "signer.pem").read_text()
parsed = parse_signed_statement(statement, public_key_pem=signer)
assert parsed["signature_verified"] is True, parsed
assert parsed["issuer"] and parsed["subject"]

seen = set()
for receipt in extract_receipts(statement):
    header = cbor2.loads(cbor2.loads(receipt).value[0])
    alg, kid, claims = header[1], header[4].hex(), header[15]
    assert header[395] == 1 and claims[2] == parsed["subject"]
    key = keys[kid]
    assert claims[1] == key["name"]
    pem = key["ed25519_pem"] if alg == -8 else key["es256_pem"]
    verified = verify_receipt(receipt, leaf_entry_hex=leaf.hex(), log_public_key_pem=pem)
    assert verified.ok, verified.errors
    assert verified.tree_size == header["hefu-size"], "the size of the proof is the signed one"
    assert verified.protected_header_ext["hefu-height"] == header["hefu-height"]
    seen.add((alg, kid))

    other = [k for k in keys if k != kid][0]
    wrong = keys[other]["ed25519_pem"] if alg == -8 else keys[other]["es256_pem"]
    assert not verify_receipt(receipt, leaf_entry_hex=leaf.hex(), log_public_key_pem=wrong).ok
    changed = bytearray(leaf)
    changed[-1] ^= 1
    assert not verify_receipt(receipt, leaf_entry_hex=changed.hex(), log_public_key_pem=pem).ok
    step = 1 if alg == -8 else 7
    for position in range(0, len(receipt), step):
        tampered = bytearray(receipt)
        tampered[position] ^= 1
        result = verify_receipt(bytes(tampered), leaf_entry_hex=leaf.hex(), log_public_key_pem=pem)
        # The size in the proof is not signed: a verifier that does not compare it with
        # "hefu-size", as this one, may accept another that leads to the same root.
        if result.ok:
            assert result.root == verified.root and result.tree_size != header["hefu-size"]

algs = {alg for alg, _ in seen}
assert algs == {-8, -7}, algs
assert len(seen) == 2 * len(keys), "each province in both algorithms"
print(f"{len(seen)} receipts verified, changes refused")
