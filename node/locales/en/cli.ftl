# The program's own codes.

cli-audit_parameter = The question has no such parameter.
    .remedy = "hefu audit query --list" lists what each question is asked with.
cli-audit_parameter_missing = The question needs a parameter that was not given.
    .remedy = "hefu audit query --list" lists what each question is asked with.
cli-audit_question = There is no such question.
    .remedy = "hefu audit query --list" lists all questions.
cli-bad_answer = The node's answer is not what was expected.
    .remedy = Check that --node is a hefu node, and that program and node have the same version.
cli-blocks_damaged = Stored blocks of this node are damaged: it does not start, and serves nothing.
    .remedy = The detail names file, byte and height. Run "hefu store refetch": it sets the damaged files aside, and then "hefu run" fetches the ledger again from the other provinces.
cli-log_missing = The consensus log is missing or damaged: without it this validator could contradict what it signed.
    .remedy = Restore store/wal from a backup; if there is none, replace the validator's key first (hefu key rotate), and make a new data folder.
cli-node_runs = A node runs on this data folder.
    .remedy = Stop it first (Ctrl-C, or systemctl stop), and run this again.
cli-bad_passphrase = This passphrase cannot be used.
    .remedy = Choose a long one, several words for instance; HEFU_PASSPHRASE, --passphrase-file or the terminal gives it.
cli-canceled = You said no; nothing was done.
    .remedy = Run the command again, or give --yes.
cli-audit_failed = This node's copy of the ledger did not pass the audit.
    .remedy = What was found is listed; do not give evidence from this copy. "hefu store refetch" sets it aside, and the node fetches the ledger from the other provinces.
cli-check_failed = Some checks failed.
    .remedy = The table names each; correct them and run "hefu doctor" again.
cli-conflict = There is something in the way, and it is not overwritten.
    .remedy = Choose another name, or give --yes to replace a file.
cli-export_part = The export cannot go on where it was.
    .remedy = Export again without --resume; what was written so far is overwritten.
cli-bench = The measurement could not be made.
    .remedy = The particulars say what was in the way: a validator's log, the folder, the memory.
cli-bench_disagrees = The validators of the measurement did not agree.
    .remedy = This should never happen: keep the output and report it.
cli-bench_lost = Acts that were acknowledged are not on the disk of every validator.
    .remedy = This should never happen: keep the output and report it.
cli-config = The configuration is wrong.
    .remedy = Correct the setting; "hefu config show --origin" says where each comes from.
cli-demo_disagrees = The nodes of the demonstration did not agree.
    .remedy = This should never happen: keep the output and report it.
cli-scenario = A step of a scenario came out otherwise than it must; the demonstration ends here.
    .remedy = The detail says which step, what was wanted and what was found: keep the output and report it.
cli-no_scenario = There is no such scenario.
    .remedy = "hefu demo --scenario list" lists them.
cli-demo_state = The province is not in a state for that; nothing was done.
    .remedy = "hefu demo start" and "stop" change one province, "hefu demo heal" ends all cuts.
cli-disk_full = No space is left on the disk of the data folder; the node cannot go on.
    .remedy = Free space or enlarge the disk, then start the node again: it loses nothing that it acknowledged and fetches what it missed.
cli-disk_readonly = The disk of the data folder takes no writes; the node cannot go on.
    .remedy = See the system's log, check and repair the file system, then start the node again: it fetches what it missed.
cli-fault = Something failed.
    .remedy = The detail says what; if it repeats, report it with that text.
cli-file = A file cannot be read or written.
    .remedy = Check path, permissions and free space.
cli-folder_in_use = A node already runs in this data folder, or a command is rebuilding it.
    .remedy = Ask it with "hefu status --data-dir FOLDER". Stop it first (Ctrl-C or SIGTERM); never run two nodes with the same keys.
cli-genesis = The genesis or a file of its ceremony is wrong, or lacks signatures.
    .remedy = The detail names province, body and cause; compare hashes with the other founders.
cli-halted = The node had to stop.
    .remedy = The detail and the log say why; correct it and start the node again.
cli-own_signature = The others have a signature of this validator that its log does not know.
    .remedy = Does the key run elsewhere? Then stop one of the two for good. Was the log lost or put back from an old copy? Leave this node stopped until the others have decided another block, then start it: it fetches what it missed before it signs. Never put back wal/ from a backup.
cli-input = The input is not what this command reads.
    .remedy = The detail names the place; correct it and try again.
cli-fork = The ledger has forked: this node shows another certified block than the one known.
    .remedy = Believe neither. Keep the proof and show it to the other provinces: "hefu verify FILE --genesis HASH" names who signed both.
cli-stale = The node shows an old state of the ledger.
    .remedy = Ask another node. If all say the same, the network rests or cannot decide: "hefu status" tells.
cli-invalid = Checked, and not valid.
    .remedy = Do not rely on it. The detail names the step that failed.
cli-journal = The journal of the import is inconsistent.
    .remedy = Keep the vault folder as it is and report this.
cli-key = A key cannot be read or used.
    .remedy = The detail names the file; restore it from a backup if it is damaged.
cli-licence_cells = This line has another number of cells than the first.
    .remedy = Look for unquoted commas and open quotes: values with commas, quotes or line ends are quoted.
cli-licence_code = A code is none: of a type, an issuer, an area (six digits), or a kind of holder code (three digits).
    .remedy = The detail names it; credit and type codes are written in capitals, and their check characters must be right.
cli-licence_columns = The first line of the CSV file lacks a column, or has one that is unknown or there twice.
    .remedy = The detail names it; besides fields.NAME exactly the columns of docs/import.md are wanted.
cli-licence_control = A value holds control characters (a line end, a tab, a zero byte).
    .remedy = Remove them at the source: no licence shows them.
cli-licence_day = This is no day: write 2026-01-31, a day that exists.
    .remedy = The detail names it; without a last day, valid_until is null (empty in CSV).
cli-licence_days = The last day of validity is before the first.
    .remedy = See whether valid_from and valid_until were exchanged.
cli-licence_empty = A value is empty.
    .remedy = Fill it in; leave out a field that the licence does not show (leave its cell empty in CSV).
cli-licence_fields = There are more or larger fields than can be committed to.
    .remedy = A licence has at most 64 values, the fixed ones included; leave out fields that nobody will show.
cli-licence_kind = A value is of the wrong kind: version is a number, holder and fields are objects, all others quoted texts.
    .remedy = The detail names it.
cli-licence_missing_key = A key is missing.
    .remedy = The detail names it; also a licence without a last day says "valid_until": null.
cli-licence_not_json = This line is no whole JSON.
    .remedy = Write one whole object on each line; the detail says at which column reading ends: often the file was cut off.
cli-licence_not_utf = This line is no UTF-8 text.
    .remedy = Save the file as UTF-8; convert GBK files first.
cli-licence_range = A number is out of range: version is 1 to 999.
    .remedy = The detail names it.
cli-licence_repeated_key = A key is there twice.
    .remedy = Keep one: nobody could tell which counts.
cli-licence_too_large = One licence has more than 128 KiB.
    .remedy = A document does not hold the file itself: commit to that with cert attest --file.
cli-licence_too_long = A value is too long.
    .remedy = The detail names it and its bound in bytes; a Chinese character has three.
cli-licence_unknown_key = There is a key that licences do not have.
    .remedy = The detail names it; whatever else the licence shows goes into fields.
cli-needs = What was given does not go together, or lacks something; nothing was sent.
    .remedy = The detail names the flag; --help explains each.
cli-needs_terminal = This cannot be undone, and there is nobody to ask.
    .remedy = Give --yes if it is meant.
cli-no_config = There is no such configuration file.
    .remedy = Check --config or HEFU_CONFIG; "hefu init" writes one into the data folder.
cli-no_data_dir = There is no such data folder.
    .remedy = Check --data-dir or HEFU_DATA_DIR; "hefu init" makes one.
cli-no_demo = No demonstration runs here.
    .remedy = Start one with "hefu demo" in another terminal.
cli-no_file = There is no such file.
    .remedy = Check the path.
cli-no_font = No font has all characters of the report.
    .remedy = Install a font with Chinese (Debian: fonts-noto-cjk or fonts-wqy-zenhei), or name one with --font.
cli-report = The report cannot be written as PDF/A.
    .remedy = Take another font with --font.
cli-no_genesis = The data folder has no genesis.
    .remedy = "hefu init --province PROVINCE --genesis FILE --data-dir FOLDER" sets up a node; the setting genesis names another place.
cli-no_key = No key for this is in the keystore.
    .remedy = "hefu key list" shows what is here; import or make a key, or name another with --as or --key.
cli-no_passphrase = No passphrase was given.
    .remedy = Set HEFU_PASSPHRASE, name a file with --passphrase-file, or type it at a terminal.
cli-no_vault = There is no vault here.
    .remedy = The first "hefu cert attest" or "hefu cert import" makes it beside the node; look at --data-dir.
cli-node_key = A key that the genesis names for this province is not in the keystore.
    .remedy = Import it from the ceremony: "hefu init --keys FOLDER" or "hefu key import".
cli-not_final = The outcome is not known yet.
    .remedy = Ask again with "hefu tx wait".
cli-not_found = There is no such thing here.
    .remedy = Check the id or path.
cli-passphrase = The passphrase is wrong.
    .remedy = Give the one the file named was sealed with, by HEFU_PASSPHRASE, --passphrase-file or at a terminal.
cli-port_in_use = A port that the node needs is in use.
    .remedy = Stop what uses it, or give the node another port as the detail says. Nothing was started.
cli-presentation = This is no presentation, or a field it should open does not exist.
    .remedy = Ask for it anew; "fields." may be left out before names.
cli-tls = TLS is not spoken here.
    .remedy = Talk to your own node over loopback (http://127.0.0.1:…), or through a local proxy that speaks TLS.
cli-which = There are several; which one is meant?
    .remedy = Name it as the detail says.
cli-unknown_code = No such code.
    .remedy = "hefu explain --list" shows all.
cli-unreachable = The node was not reached, or did not answer in time.
    .remedy = Is it running ("hefu doctor")? Give its address with --node or HEFU_NODE, more time with --timeout.
cli-usage = The command is not understood.
    .remedy = --help after a command explains it.
cli-vault = The vault cannot be opened or written.
    .remedy = The detail says why; one process at a time can have it open.

# Words

yes = yes
no = no
error = error
error-detail = detail
error-tx = transaction
error-height = decided at height
error-remedy = remedy
beijing-time = Beijing time
at-genesis = genesis
origin-default = default

# Questions

ask-passphrase = Passphrase
ask-new-passphrase = Passphrase for new keys
confirm-refetch = Block files and index are moved to { $folder } (nothing is deleted), the consensus log { $log } stays. The node then fetches the ledger again from the other provinces, and does not vote before it has caught up. Make sure that the others run, and that only one province does this at a time. Go on?
confirm-revoke = Revoke certificate { $id }? This is for good.
confirm-revoke-key = Revoke key { $key } of { $owner }? This is for good.
confirm-withdraw = Leave agreement { $id }? It ends for your province after 30 days.

# Lists and answers

audit-nothing = Nothing was found.
audit-scope = Under mandate { $mandate }: { $kinds } of { $members }, { $from } to { $to }. What the question reaches beyond that is left out.
report-title-certificate = Evidence report: certificate
report-title-decision = Evidence report: decision on a certificate
report-subtitle =
    Record { $record }
    As of height { $height }, { $time } (Beijing time)
    Ledger (genesis hash) { $genesis }
report-about = This report puts into words what the evidence capsule { $file } proves. The capsule is the evidence; this paper is a reading of it.
report-happened = What happened
report-signed = Who signed
report-rules = Which rule, and who recognised it
report-checked = What was checked, and what is left open
report-verify = How to verify
report-validators = final by     { $count } validators' signatures: more than two thirds of their power
report-how =
    1. Compare the genesis hash above with the one that the provinces published, character by character. The QR code has the record, the height and how the hash begins.
    2. Take the file { $file } and compare its digest. BLAKE3: { $blake3 }. SHA-256: { $sha256 }.
    3. Without a node or a network: hefu verify { $file } --genesis { $genesis }
    The second verifier (verify/, in JavaScript) reads the same file and shares no code with the first.
report-withheld = (withheld: it looks like a person's number)
report-of-what = { $record }: a report is on a certificate (att:ID) or a decision (dec:ID)
report-written =
    ✔ report     { $file }
    its evidence { $capsule }
    check it:    hefu verify { $capsule } --genesis { $genesis }
export-key-unknown = not shown: whether key { $key } was in force; nothing beside the manifest proves it (hefu key show { $key })
export-key-in-force = the key was in force at height { $height }, as an auditor's of { $authority }: proven by { $file }
export-key-not = the capsule beside it does not show that the key was in force, as an auditor's of that authority
export-block-proven = the block of height { $height } that the manifest names is proven by the same file
export-block-other = the block that the manifest names is not that of its height
export-log = cosigned: a checkpoint of { $size } entries of the audit log, root { $root }
export-no-evidence = No capsule shows that the key is in force: the manifest stands by itself.
audit-opening = { $file }: not a JSON object with "identifier" and "salt" (64 hexadecimal digits)
audit-capsules = { $count } evidence capsules written to { $folder }. Check each: hefu verify FILE --genesis HASH
export-written = { $rows } rows, pinned to height { $height }, in { $file }. Check: hefu verify { $manifest } --genesis { $genesis }
export-progress = exported up to height { $done } of { $of }
export-part-other = { $file } is of another export: of another ledger, question or format, or with other parameters
export-part-damaged = { $file } is not what the file beside it says: it is shorter, or has changed
export-part-link = { $file } is a link, or has another name: it is not written to
export-part-unknown = nothing beside { $file } says which rows it has
export-part-parquet = Parquet has its directory at the end: such a file is written in one go
export-verified = The file { $file } is the answer to { $question } at height { $height }, { $rows } rows, as { $authority } signed it with key { $key }.
export-other-ledger = the manifest is of another ledger
export-bad-signature = the signature of the manifest does not hold
export-other-file = the file is not the one that was exported
export-other-evidence = { $file } is not the capsule that the manifest names
list-empty = Nothing there yet.
list-more = There is more: --cursor { $cursor }, or --all.
answer-pinned = as of height { $height }, state root { $root }…
answer-pinned-whole = complete, as of height { $height }, state root { $root }…
incomplete-scan-bound = more was to be looked through than one answer may; ask for less, such as a shorter time
incomplete-missing = something that the answer rests on is missing at this node
incomplete-pruned = this node no longer keeps what proves it
incomplete-pending = something is not recorded yet
incomplete-index-lags = the query index has not reached that height yet (hefu audit index)
incomplete-index-stopped = the query index no longer follows the ledger (hefu audit index)
incomplete-mandate-scope = the question reaches beyond the mandate
answer-incomplete = Incomplete: { $reason }.
key-list-empty = No keys here yet. Make one: hefu key new LABEL --role issuer
cert-list-empty = No certificates of this issuer yet. Record some: hefu cert import FILE
proposal-list-empty = No proposals yet. Make one: hefu proposal new ACTION.json
agreement-list-empty = No agreements yet. Propose one: hefu agreement propose --party … --entry …
recognise-list-empty = No decisions yet. Record one: hefu recognise decide --att ID --scenario N --outcome accepted
share-list-empty = Nothing there yet. Publish an entry (hefu share publish) or request one (hefu share request).
item-list-empty = No items yet. Propose one: hefu item propose CODE --name … --lead … --with …
case-list-empty = No cases yet. Take one in: hefu case open --item CODE --handler USCC --number TEXT
dispute-list-empty = No disputes.
mandate-list-empty = No audit mandates yet. Grant one: hefu audit mandate grant --auditor USCC --of PROVINCE …

# Submitting

submit-applied = ✔ on the ledger at height { $height }
    transaction { $tx }
submit-submitted = … submitted, not final yet (hefu tx wait { $tx })
    transaction { $tx }
submit-pending-governors = … signed, waiting for another governor
    transaction { $tx }, height { $height }
governors-wanting = { $have } of { $need } governors have signed, and that waits on the ledger. Another governor runs the very same command with their own key, or finds it with hefu proposal pending and signs it with hefu proposal sign; no file is passed around.
tx-signed = Signed, not submitted: { $file }
    transaction { $tx }
openings-kept = What opens the commitments is kept in { $file }; guard it like a key.

# Files

file-written = { $file }: { $bytes } bytes
capsule-written = Evidence capsule { $file } ({ $bytes } bytes), verified. Anybody can check it offline:
    hefu verify { $file } --genesis { $genesis }
receipts-written = Transparent statement { $file } ({ $bytes } bytes) with { $count } receipts, verified.
receipt-drafted = Draft { $file }. The other side signs it with "hefu share cosign".
vault-torn = The vault's last write was unfinished; { $bytes } bytes of it were dropped. Nothing acknowledged is lost.

# Keys

key-making = making key { $label } …
key-made = ✔ key { $label }
    id { $id }
    public key { $key }
    in { $folder }, encrypted
key-imported = ✔ { $label } ({ $id })
key-exported = ✔ { $label } → { $file }, still encrypted
key-passphrase-changed = ✔ { $label } has a new passphrase; copies made earlier keep the old one

# Genesis

genesis-drafted = ✔ draft { $file } for { $invited }
    hash { $hash }
    Compare the hash with every founder by telephone; then each province runs "hefu genesis join".
genesis-joined = ✔ member file { $file } of { $region }: { $keys } keys, all proved; the private ones stay in { $folder }
    for draft { $hash }
genesis-assembled = ✔ genesis { $file } of { $members } members
    hash { $hash }
    Each province checks it and signs: hefu genesis sign { $file }
genesis-signed = ✔ signed with { $keys }
    hash { $hash }
genesis-complete = Every member has signed.
genesis-missing = Signatures are missing of: { $missing }
genesis-is-demo = Demonstration ledger { $hash }: fictitious bodies only.
genesis-is-production = Production ledger { $hash }.

# Node

init-done = ✔ node of { $province } in { $folder }
    ledger { $genesis }
    Next: hefu doctor --data-dir { $folder }, then hefu run --data-dir { $folder }
config-valid = ✔ the configuration is valid ({ $file })
config-stray = warning: { $name } is set and nothing reads it; { $like }?
store-rebuilt = ✔ index rebuilt to height { $height }
    state root { $root }
status-margin = { $online } of { $of } validators online, { $needed } needed: { $margin } more may fail
status-no-margin = { $online } of { $of } validators online, { $needed } needed: NONE may fail any more
status-no-quorum = { $online } of { $of } validators online, { $needed } needed: NO QUORUM, nothing is recorded ({ $margin })
doctor-config = configuration
doctor-folder = data folder
doctor-genesis = genesis
doctor-keys = keys
doctor-node = node
doctor-clock = clock
doctor-ports = ports
doctor-no-region = no region is configured: the node follows and does not vote
doctor-not-running = does not run here

# Demonstration

demo-head = hefu { $version }  demonstration network · 4 provinces · one process · 127.0.0.1 only · gone at the end
demo-started = ✔ genesis { $genesis }  ✔ { $count } connected  ✔ first block   ({ $seconds } s)
demo-try = API described at http://{ $api }/docs · metrics at http://{ $api }/metrics
    synthetic acts, { $rate } a second, no real personal data
    try from another terminal (each province's folder holds demonstration keys, so it can sign):
      hefu status --data-dir { $home }
      hefu audit query --limit 5 --data-dir { $home }
      hefu demo stop { $region }        one province less, the ledger goes on; start brings it back
      hefu demo tamper { $region }      change one byte: it is found, kept as evidence, healed
    six scenarios of the field: hefu demo --scenario list
demo-stage = Commands are typed in the folder { $folder }; each province has a folder with demonstration keys there.
    From another terminal, cd there and type the like (gone at the end; --stay goes on after the play).
demo-beat = height { $height } · validators { $online }/{ $of } · commit p50 { $p50 } ms      [Ctrl-C ends it]
demo-agreed = ✔ all nodes agree at height { $height }
    state root { $root }
demo-disagreed = ✘ the nodes do not agree (height { $height }, { $root })
demo-traffic = { $acts } synthetic acts applied; commit p50 { $p50 } ms, p99 { $p99 } ms
demo-played = { $steps } steps of scenarios, each as it must be

# Import

import-resumes = Going on where an earlier run stopped: { $count } transactions without an outcome.
import-interrupted = Interrupted: { $accepted } accepted, { $refused } refused, { $left } of { $lines } left. Run the same command again to go on; nothing is lost or recorded twice.
import-done = { $accepted } lines accepted ({ $already } stood on the ledger already), { $refused } refused, { $left } open, of { $lines }
import-pending = The outcome of { $count } lines is not known yet. Run the same command again.

# Presentations

presented = ✔ presentation { $file } of { $id }
    opens: { $fields }
present-recorded = recorded at height { $height }, { $time } (Beijing time), type { $type }, by { $issuer }
present-status = status now: { $status } (as of height { $height })
present-matches = the content is what the issuer committed to
present-differs = the presentation is genuine, but the signature or the file given is not
present-false = the content is NOT what the issuer committed to: { $error }
present-signed = signed by the issuer
present-signed-wrong = the signature is NOT by a key of the issuer

# Evidence

verify-ok = ✔ the capsule is valid for ledger { $chain }
verify-recorded = recorded?  yes, at height { $height }, { $time } (Beijing time), place { $leaf } of the audit log
verify-signed =     by { $issuer }, key { $key }: { $acts } ({ $subject })
verify-status = status?    { $id }: { $status }, about { $day }, as of height { $height }
verify-no-status = status?    the capsule does not show it; ask a node, or for a capsule with status
verify-records =     { $count } records are proven as of height { $height }
verify-recognised = recognised here? the capsule holds no decision: recognising is each authority's own, under its agreements
verify-decided = recognised? { $relying } decided on { $id }: { $outcome } (reasons { $reasons }), checked against height { $checked }
verify-stood =     the certificate then: { $status }, about the day of the decision, as known at height { $checked }
verify-opened =     decided in batch { $batch }, which was recorded before; this transaction opens it
verify-leaf =     attested in batch { $batch } at height { $height }, as one of its leaves
verify-absent = absent     { $table } { $key }: no such record as of height { $height }
verify-open-flags = what the ledger flagged about the decision (a wrong refusal, say) and how disputes ended
verify-unknown-file = { $file }: no file that this command knows (capsule, proof against a validator or of a fork, checkpoint, statement, receipt); a state proof or a tile is checked as part of a capsule, a presentation by hefu cert verify
verify-extracted = written    { $files }
verify-extracted-none = written    nothing: the capsule holds neither a checkpoint nor receipts
verify-doubted = DOUBTED    what { $who } signed counts for nothing: the key was found compromised, or signed out of its term
verify-note-few = note       fewer than two thirds of the known provinces: no quorum of them stands behind it
verify-receipts-unchecked =     { $count } could not be checked: their keys are not in the file of keys (those of ES256 stand in a node's list, /api/v1/log/cosigners)
verify-corrected =     corrected as of height { $height }: decision { $by } counts instead
verify-not-corrected =     not corrected as of height { $height }
verify-key-then =     its key was valid then: term { $from } to { $to } (Beijing time)
verify-key-revoked =     the key was revoked later; what it signed before stands
verify-key-questioned =     IN QUESTION: the key was found compromised since before this was signed
verify-rule-type = rule       certificate type { $code } version { $version } ({ $name }): { $state } then
verify-rule-scenario = rule       scenario { $scenario }: { $state } then
verify-rule-agreement = rule       agreement { $agreement } version { $version } (terms { $digest }): { $state } then
verify-checkpoint = cosigned   a checkpoint of { $size } entries that has it, by { $who }
verify-receipts = receipts   by { $who }
verify-checked = checked    the genesis hash, the certificates of every header, the signature, the place in the audit log, { $count } records under the state root
verify-open = not shown  { $what }
verify-open-later = what happened after that height
verify-open-status = the status
verify-open-signer = whether the signer's key was valid
verify-open-rule = the rule in force
verify-open-recognition = whether anybody recognises it
verify-open-checkpoint = a cosigned checkpoint
verify-open-receipts = receipts of provinces
verify-open-content = whether what was recorded is true
verify-step-signer = the validity of the signer's key
verify-step-cosigners = the cosigners' keys
verify-step-checkpoint = the cosigned checkpoint
verify-step-receipts = the receipts of provinces
verify-no-keys = { $file }: no cosigners' keys: neither a capsule with receipts, nor a genesis document, nor a node's list (/api/v1/log/cosigners)
verify-no-tx = { $file }: no transaction, statement or capsule
verify-note-ok = ✔ the checkpoint is of ledger { $chain }
verify-note-says = it says     the audit log had { $size } entries, with root { $root }
verify-note-by = cosigned   by { $count } of { $of } known cosigners: { $who }
verify-note-not = not shown  which entries the log has, and how anything stands; ask for a capsule
verify-receipts-ok = ✔ the receipts hold for ledger { $chain }
verify-receipts-say = recorded?  yes, place { $leaf } of an audit log of { $size } entries, after height { $height }
verify-receipts-by = receipts   { $count } of { $of } checked: { $who }
verify-receipts-not = not shown  how it stands, and that { $issuer } signed it: the signer's key is not in the file; ask for a capsule
verify-keys-capsule = keys       proven by the capsule
verify-keys-genesis = keys       those of the genesis; later replacements or revocations are not seen
verify-keys-list = keys       believed as listed: nothing here proves them
verify-sets =     { $count } changes of the validator set lie in between, each certified by the set before
verify-step-encoding = reading the file
verify-step-genesis = comparing the genesis
verify-step-headers = certificates of the headers
verify-step-transaction = the transaction and its signature
verify-step-log = the place in the audit log
verify-step-status = the proven records
evidence-list-empty = No validator has contradicted itself.
evidence-written = ✔ { $file }: { $bytes } bytes. Anyone can check it: hefu verify { $file } --genesis { $genesis }
evidence-ok = ✔ the proof holds for ledger { $chain }
evidence-who = who?   the validator of { $name } ({ $region }), key { $key }
evidence-what = what?  two { $what } that contradict each other: { $first } and { $second }
evidence-when = when?  at height { $height }, round { $round }; its block was decided with time { $time } (Beijing time)
evidence-meaning =     only this key can have signed both: it ran in two places, lost its memory, or is in wrong hands. What follows is for the members to decide.
evidence-what-proposal = proposals
evidence-what-prevote = prevotes
evidence-what-precommit = precommits
verify-step-evidence = the two contradicting messages
light-ok = ✔ ledger { $chain }: height { $height } is final, { $time } (Beijing time)
light-signed =     signed by { $signed } of { $of } validators
light-log =     audit log: { $size } leaves, root { $root }; it continues the log known before
light-state =     state root { $root }
light-way =     from height { $from }, over { $headers } headers
light-skipped =     changes of validators were stepped over: a fork can be told, not proven
light-agree =     the same block at { $nodes }
light-behind = its last block is { $height }; height { $known } is known already
light-other-behind = { $node }: its last block is { $height }; height { $known } is known already
light-old = its last block { $height } is { $seconds } seconds old, more than { $most }
light-fork-kept = at height { $height }; the proof is in { $file }
fork-ok = ✔ the proof holds: ledger { $chain } has two certified blocks of height { $height }
fork-blocks = which? { $one } and { $other }
fork-contradicted = who?   proven to have signed both in one round: { $names }
fork-both =        signed both, in different rounds: { $names }
fork-other =        signed the other one: { $names }
fork-meaning =     more than a third of the power must have lied for this. Who signed both in one round lied; of the others some may be honest. What follows is for the members to decide.

# Usage errors

usage-command = no command { $what }
usage-unknown = no flag { $what } here
usage-missing = required and missing: { $what }
usage-subcommand = a command is missing here{ $what }
usage-conflict = { $what } cannot be given together with others that are
usage-no-value = { $what } needs a value
usage-value = not possible: { $what }
usage-other = not understood: { $what }
usage-suggestion = did you mean
usage-possible = possible
help-usage = Usage
help-commands = Commands
help-arguments = Arguments
help-options = Options
help-globals = Options of every command
help-after = Exit codes: 0 ok · 1 fault · 2 usage · 3 invalid or revoked · 4 not found · 5 unreachable · 6 denied · 7 refused as unsafe · 8 submitted, not final
    Data goes to standard output, everything else to standard error. "hefu explain CODE" explains any code.

# Progress

progress-import = import: { $done } of { $of } lines settled
progress-rebuild = rebuilding the index: block { $done } of { $of }
refetch-damaged = Found damage: { $damage }
refetch-sound = No damage found: the blocks are sound up to height { $height }.
refetch-done = ✔ block files and index moved to { $folder }
    Next: hefu run --data-dir { $data }. The node fetches the ledger from the others; its log and "hefu status" say how far it is, and it votes again when it has caught up.
    Delete that folder when you no longer need it.
doctor-blocks = block files
doctor-blocks-sound = sound up to height { $height } ({ $bytes } bytes)
doctor-no-blocks = no blocks yet
progress-verify = verifying blocks: { $done } of { $of } MiB
token-made = ✔ token of { $name } for reading: { $token }
    It is good once the node was started again. Use it with --token-file FILE, HEFU_TOKEN, or the HTTP header "Authorization: Bearer TOKEN".
member-requested = ✔ { $file }: hand it to a member of the ledger; it holds public keys only. The private ones of { $region } stay in { $folder }
confirm-notice = { $region } gives notice and leaves in 90 days. This cannot be taken back.
confirm-leave = { $region } leaves the ledger now.
confirm-dissolve = { $code } acts no more. This cannot be taken back.
preflight-possible = ✔ possible now
preflight-refused = ✘ not possible now: { $code } { $cause }
preflight-votes = votes: { $needed } of { $of } provinces must say yes
preflight-now = now:  { $validators } validators, { $needed } needed, { $online } online, { $tolerates } may fail
preflight-then = then: { $validators } validators, { $needed } needed, { $online } online, { $tolerates } may fail
preflight-would-stop = ⚠ the ledger would stop: too few of those validators are online
preflight-no-margin = ⚠ nobody more may fail after it: bring more validators online first
preflight-fewer-faults = ⚠ fewer validators may fail than now
preflight-obligations = ⚠ left behind: { $agreements } agreements, { $cases } open cases, { $disputes } disputes, { $grants } grants
progress-audit = audit: block { $done } of { $of }
audit-begins = checking from the genesis to height { $height }; stop with Ctrl-C at any time, no file is changed
audit-sound = ✔ nothing wrong was found
audit-unsound = ✘ something is wrong
audit-counts = block files to height { $height }, checked to { $checked_to }: { $blocks } blocks, { $transactions } transactions, { $signatures } signatures of transactions, { $certificates } commit certificates, { $changes } changes of validators
audit-checked-full = Checked: the checksum of every frame; every header and its link to the one before; every commit certificate, following the changes of validators; signature and outcome of every transaction; the roots of audit log and records.
audit-open-full = Not checked: the index that the node answers from (it can be made again from the blocks: hefu store rebuild), and whether the genesis file is the one that the provinces agreed on (compare the genesis hash).
audit-checked-sample = Checked in full: checksums of frames, links of headers, digests of contents and outcomes, the audit log, rebuilt. Checked in the sample: commit certificates, and signatures of transactions that were applied.
audit-open-sample = Not checked: certificates and signatures of other blocks, whether a key was entitled to sign, outcomes, and the root of the records (--from-genesis checks them).
audit-sample = { $blocks } of { $of } blocks drawn, certificates of { $certificates } checked: if at least { $bad } blocks ({ $share }) had a false certificate or signature, this sample would show one with a confidence of { $confidence }. Seed { $seed }
audit-sample-open = Of the sample could not be checked: { $open_certificates } certificates (the validators changed, which only an execution tells), { $open_signatures } signatures (their keys are not in the copy).
audit-first = height { $height }, { $step }
audit-step-frame = frame
audit-step-header = header
audit-step-certificate = commit certificate
audit-step-contents = contents of the block
audit-step-signature = signature of a transaction
audit-step-outcome = outcomes
audit-step-log = audit log
audit-step-state = records
audit-step-execution = validators and parameters after execution
audit-remedy-frame = The disk is damaged: look after it. A node that runs fetches single blocks from other provinces; hefu store refetch fetches all.
audit-remedy-certificate = This certificate does not prove that the block is final: compare it with other provinces' of the same height; hefu store refetch fetches theirs.
audit-remedy-changed = This is not the block that the validators signed: keep this copy as evidence, compare it with other provinces' of the same height, then use hefu store refetch.
audit-remedy-execution = Execution gives another result than the header: check the program's version and the genesis file first; if they are right, keep this copy and tell the other provinces.
reads-none = Nothing was read under an audit mandate yet.
reads-stated = root on the ledger, the same
reads-not_stated = root not on the ledger yet
reads-differs = not the root on the ledger
reads-altered = the log of reads of { $day } is not that of the root on the ledger
reads-not-yet = the root of { $day } is not on the ledger yet
reads-proven = ✔ entry { $number } is in the root that the ledger has, of { $count }: { $root }
webhook-none = No webhook is configured. Add [[webhooks]] to hefu.toml; docs/audit.md says how.
webhook-no-dead = There is no dead letter.
webhook-resent = ✔ sent again: { $count }
webhook-tested = ✔ { $url } took a test event
pending-list-empty = No act waits for another governor.
theme-list-empty = No themes yet. Open one: hefu case theme --item CODE --number TEXT
confirm-cosign = Sign the act above, { $act } ({ $subject }), as a governor? Another governor began it.
half-signed = Waits for another governor: hefu proposal sign { $act }, or the same command as theirs.
replay-same = ✔ Judged again by the rule of that time: the same verdict, byte for byte.
replay-other = ✘ Judged again by the rule of that time: another verdict. The copy of the ledger may be damaged: run hefu audit verify.
or = or
ballot-open = The vote is open: { $yes } yes of { $needed } needed
ballot-applied = ✔ Adopted and done ({ $yes } yes of { $needed } needed)
ballot-rejected = ✘ Rejected ({ $yes } yes of { $needed } needed)
ballot-failed = ✘ Enough votes ({ $yes } of { $needed }), but it had become impossible; hefu proposal show says why
confirm-no-reads = State that { $auditor } read nothing on { $day }? That cannot be changed; add --log if there is a log.
