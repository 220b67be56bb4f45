# Particulars of faults, forms of values, names of values.

# What the operating system says.

system-not-found = does not exist
system-denied = permission denied
system-exists = exists already
system-port-in-use = the port is in use
system-no-such-address = this computer has no such address
system-refused = nobody answers there (connection refused)
system-cut = the connection broke off
system-timed-out = no answer in time
system-no-host = { $what }: no such host
system-in-use = another process is using it
system-is-folder = is a folder
system-no-folder = is no folder
system-full = the disk is full
system-read-only = the file system is read-only

# Settings.

config-same-address = { $one } and { $other } are both { $address }; give each its own port
config-admin-loopback = api.admin = { $address }: only a loopback address (127.0.0.1) is possible
config-open-loopback = reading is open to everybody, so api.listen must be a loopback address (127.0.0.1), not { $address }; for others to read, leave --open-reading away and set api.tokens
config-repeated-token = api.tokens: { $name } stands twice
config-same-key = two of keystore.validator, keystore.node and keystore.cosigner are "{ $label }"
config-witness-key = witness: { $key } is no verifier key (NAME+ID+KEY)
config-witness-log = witness.logs: { $log } has no keys, or stands twice
config-region = region = { $region } is no province that can be a member
config-peer = address of a peer: { $peer } (expected host:port)
config-range = { $setting } must be from 1 to { $most }
config-unknown = { $origin }: there is no setting { $key }
config-unknown-like = { $origin }: there is no setting { $key }; did you mean { $like }?

# Passphrases and keys.

passphrase-empty = it is empty
passphrase-short = at least { $least } characters, of which a Chinese one counts two
passphrase-long = at most 1024 bytes
passphrase-not-text = it is not UTF-8
passphrase-differ = the two that were typed differ
key-unknown = { $folder }: no key of this name or id
key-exists = the key is already here as { $label }
no-keystore = { $folder }: no folder of keys there (look at --data-dir or --keystore)
no-key-of = no key of { $owner } with the role { $role } in { $folder }
no-key-for = no key with the role { $role } in { $folder }
no-governor-key = no governor's key of a member in { $folder }
no-governor-key-of = no governor's key of { $region } in { $folder }: its governors sign this
already-proposed = the same is being voted on, no need to propose it again: hefu proposal vote { $id } yes|no
already-granted = the same mandate is in force: hefu audit mandate show { $id }
which-authority = keys of several authorities are here; name one with --as:
    { $owners }
node-key-missing = the node's key "{ $label }" is not in { $folder }
node-key-other = the node key that is here is not the one the genesis names for { $region }
node-key-foreign = the node key that is here is that of { $owner } on the ledger
validator-key-other = a validator key in the keystore is another province's; the node of { $region } must not sign with it
init-key-missing = { $region } has the key { $key } in the genesis; it is not in { $folder }

# Node.

port-in-use = { $address }; another one: { $flag } ADDRESS:PORT, or the setting { $setting }
halted = { $reason }
genesis-unsigned = { $file }: not yet signed by { $missing }
genesis-other = { $file } is another genesis; a second ledger needs a data folder of its own
genesis-differs = the hash is { $found }, not { $expected }
status-peers = { $connected } connected, of { $known }
doctor-no-member = { $region } is no founding member; its keys are on the ledger only
doctor-key-other = { $label }: { $found } is here, the genesis names { $expected }
doctor-key-missing = { $label }: not here; the genesis names { $expected }
doctor-runs = runs: version { $version }, height { $height }
doctor-clock-good = not behind the ledger (last block { $seconds } s ago)
doctor-clock-behind = this computer is { $seconds } s behind the last block: set its clock (NTP)
doctor-result-ok = ✔ ok
doctor-result-failed = ✘ failed
doctor-result-warning = ! look
doctor-result-note = · note

# Files and what is typed.

file-not-utf8 = { $file } is not UTF-8 text
file-too-large = { $file } is larger than 64 MiB
qr-name = { $file }: the name must end in .svg or .png
field-form = { $what }: a field is given as NAME=VALUE
not-in-vault = { $what }: the vault here has nothing with this identifier or number that is on the ledger
altered = { $file } is not what its issuer committed to; it can be refused, not accepted

# What must be given together.

needs-since = { $flags }: for a compromised key, say since when
needs-compromised = --since belongs to { $flags } only
needs-parties = { $flags }: an agreement has at least two different provinces
until-before = { $flags }: the last day is before the first
needs-change = { $flags }: nothing to change is given
needs-evidence-other = { $flags }: the kind "other" needs evidence
needs-annul = --retroactive is possible with { $flags } only
needs-as = { $flags }: without a licence file, say who issues
needs-reason = { $flags }: an outcome other than accepted needs at least one reason (1 to 20, or 99)
reason-with-acceptance = { $flags }: an acceptance has no reasons; leave it away
reason-unknown = --reason { $reason }: there is no such reason; 1 to 20, or 99
reasons-few = --reason: at most { $most }, each once
needs-statute = { $flags }: reason 16 needs the text of the statute
needs-evidence = { $flags }: this reason needs evidence
needs-keys = { $flags }: a checkpoint or a receipt is checked with the cosigners' keys
needs-of = { $flags }: a receipt alone does not hold its transaction
needs-differs = { $flags }: reason 3 says that the content differs
needs-seal-invalid = { $flags }: reason 8 says that the seal is not genuine
reason-against-check = --reason 3: { $file } was checked and is what was attested
needs-conditions = { $flags }: sharing under conditions needs their text
needs-basis = { $flags }: not sharing needs a law or a rule of the State Council
needs-basis-tightening = { $flags }: tightening needs a legal basis
needs-basis-request = { $flags }: a request needs its legal basis
needs-basis-denial = { $flags }: reason 3 needs the law that forbids it
needs-holder = { $flags }: reason 4 needs to say who holds the data
needs-reason-grant = { $flags }: suspending or revoking a grant needs a reason
denial-unknown = --reason { $reason }: there is no such reason; 1 to 6, or 99
days-in-order = { $flags }: to acknowledge may not take longer than to answer, nor that longer than to deliver
from-past = { $flags }: the first day is over
ended-before = { $flags }: it ended before it began
grant-exceeds = more than was asked for: { $fields } fields, { $uses } uses a day, { $from } to { $until }; a part of the fields cannot be as many as all

# Demonstration.

demo-stopped = { $region }: stopped
demo-runs = { $region }: runs again
demo-stopped-already = { $region } is stopped already; start it with: hefu demo start { $code }
demo-runs-already = { $region } runs already
demo-no-province = { $region } is not in the demonstration; there are { $known }
demo-cut = cut off: { $regions } from { $others }; undo it with: hefu demo heal
demo-healed = all links are back
demo-damaged = { $region }: one bit changed in { $file } at byte { $offset }
demo-refused = { $region } refuses to start: { $why }
demo-kept = the damaged files are kept as evidence in { $folder } until the demonstration ends (--keep FOLDER copies them)
demo-copied = copied to { $folder }
demo-fetched = { $region } fetched the ledger again from the others: height { $height }
demo-failed = it failed: { $why }
demo-silent = the demonstration that wrote { $file } does not answer; it may have been killed

# Help and forms of values.

help-command = COMMAND
help-possible = [possible: { $values }]
help-default = [default: { $values }]
form-duration = a time like 30s, 5m or 1h
form-day = a day like 2026-01-31
form-time = a time like 2026-01-31T08:00:00Z, a day, or milliseconds since 1970
form-uscc = a unified social credit code of 18 characters with its check digits (GB 32100)
form-id = an id of 32 hexadecimal digits
form-hash = 64 hexadecimal digits
form-height = a height: a whole number
form-type = a certificate type of 21 characters (GB/T 36903)
form-item = a service item: 12 digits
form-address = an IP address and a port: 127.0.0.1:8421
form-host = a host and a port: node.example.cn:8431
form-lang = zh or en
form-range = a number in { $range }
form-number = a whole number
form-province = a province by its code (320000), letters (js) or name
form-region = a region by its six digits
form-entry = TYPE[@VERSION]=SCENARIO,SCENARIO,…
ph-file = FILE
ph-folder = FOLDER
ph-day = DAY
ph-time = TIME
ph-seconds = SECONDS
ph-text = TEXT
ph-code = CODE
ph-province = PROVINCE
ph-region = REGION
ph-regions = REGIONS
ph-type = TYPE
ph-scenario = SCENARIO
ph-item = ITEM
ph-height = HEIGHT
ph-cursor = CURSOR
ph-label = LABEL
ph-role = ROLE
ph-kind = KIND
ph-name = NAME
ph-value = VALUE
ph-number = NUMBER
ph-reason = REASON
ph-hash = HASH
ph-address = ADDRESS
ph-host = HOST
ph-port = PORT
ph-digits = DIGITS
ph-key = KEY
ph-id = ID
ph-uscc = USCC
ph-att-id = ATT_ID
ph-dec-id = DEC_ID
ph-req-id = REQ_ID
ph-grant-id = GRANT_ID
ph-rcp-id = RCP_ID
ph-cat-id = CAT_ID
ph-tx = TX
ph-capsule = CAPSULE
ph-genesis = GENESIS
ph-members = MEMBERS
ph-files = FILES
ph-limit = LIMIT
ph-batch = BATCH
ph-parallel = PARALLEL
ph-format = FORMAT
ph-output = OUTPUT
ph-rate = RATE
ph-engine = ENGINE
ph-shell = SHELL
ph-old = OLD
ph-draft = DRAFT
ph-presentation = PRESENTATION
ph-licence = LICENCE
ph-action = ACTION
ph-vote = VOTE
ph-state = STATE
ph-level = LEVEL
ph-title = TITLE
ph-version = VERSION
ph-class = CLASS
ph-share = SHARE
ph-mode = MODE
ph-outcome = OUTCOME
ph-consent = CONSENT
ph-records = RECORDS
ph-per-day = PER_DAY
ph-missing = MISSING
ph-subject = SUBJECT
ph-flag = FLAG
leaf-already = { $id } is a record already.
leaf-goes-along = { $id } was attested in a batch and becomes a record in the same transaction.
import-batch = Batch { $id }: { $count } certificates in one act.
batch-size = A batch has 1 to { $most } lines.
batch-one-kind = All decisions of a batch rest on one scenario and one agreement.
hour-one-grant = The receipts must be different ones under one grant.
rule-fixed = Only catalogue and parameters may be decided by a majority.
salt-erased = Salts and document of { $id } are destroyed here.
confirm-destroy = Destroy salts and document of { $id }? Nobody can open its record afterwards.
batch-list-empty = No batches yet.
request-list-empty = No requests yet. Make one: hefu cert request ATT_ID --wanted suspend --reason N --evidence FILE
seal-list-empty = No seals registered yet. Register one: hefu cert seal register HASH …
hour-list-empty = No hours stated yet. State one: hefu share hour FILE
col-threshold-share = more than
value-majority = half
value-two_thirds = two thirds
value-catalogue = types and scenarios
value-parameters = parameters and calendars
value-membership = membership
value-suspension = suspension
value-recovery = new governors
value-keys = compromised keys
value-rules = this table

# bench
bench-range = { $name } is { $least } to { $most }
bench-signing = signing { $done } of { $of } transactions
bench-laying = { $done } of { $of } attestations of the history
bench-floor = measuring the floor: what no ledger can leave out
bench-starting = the validators start
bench-preparing = attesting what will be decided on
bench-loading = { $acts } acts committed
bench-settling = the validators come to one height
bench-joining = a validator that was emptied joins
bench-checking = looking for what was acknowledged
bench-report =
    { $validators } validators on { $cores } cores
    committed     { $acts } acts/s     floor { $floor } acts/s     efficiency { $efficiency }
    latency       p50 { $p50 } ms   p90 { $p90 } ms   p99 { $p99 } ms   max { $longest } ms
    an act costs  { $cpu } µs of processor on all validators, { $written } bytes written on each, for { $size } bytes ({ $ratio } times as many)
    memory        { $start } MiB once started, { $memory } MiB at most
    blocks        { $blocks } of { $per_block } acts     failed { $failed }     told to come again { $busy }     still waiting { $left }     acknowledged and lost { $lost }
    the machine   a signature in a batch { $verify } µs, a durable write { $sync } ms
bench-history =
    history       { $records } attestations, { $keys } keys in the map, { $blocks } MiB of blocks, { $index } MiB of index; laid in { $seconds } s
bench-overload =
    overload      { $offered } acts/s offered: { $acts } committed ({ $ratio } of the most), { $busy } told to come again, { $failed } failed, { $left } not sent; { $recovered } acts/s after it
                  p50 { $p50 } ms   p99 { $p99 } ms     memory { $before } MiB before, { $after } MiB after
bench-catch-up =
    catching up   { $history } acts of the history in { $first } s, { $acts } more in { $seconds } s: { $ratio } times as fast as the load
config-webhook = webhooks: { $name } cannot be used: names are lower-case letters, digits and "-", each once; https only; attempts 1 to 20, pause_ms 1 to 60000; 16 at most
no-waiting-act = { $act }: no act waits under this (at least 8 digits); hefu proposal pending lists them
which-waiting-act = Several waiting acts are like this: see hefu proposal pending, and name one with hefu proposal sign
state-now = it is now: { $now }
state-wanted = it is now: { $now }; this wants: { $wanted }
state-offered = it is now: { $now }, and offered to { $to } already
transfer-own = { $to } is the province where the certificate is
transfer-no-member = { $to } is no active member
agreement-party = { $what } is no active member
agreement-days = it ends before it begins, on { $what }
agreement-type = type { $what } is not adopted
agreement-scenario = scenario { $what } is not adopted
decision-in-batch = If it is one of a batch, the province that recorded the batch first makes it a record of its own: hefu recognise open BATCH { $id }; hefu recognise batches lists them
refused-no-proof = it was refused at height { $height } ({ $code }): what is refused is not in the audit log, and has no proof
form-tx = a transaction id of 64 hexadecimal digits, or what it recorded: dec:ID, att:ID, case:ID, …
ph-count = COUNT
ph-days = DAYS
ph-alg = ALG
ph-wanted = WANTED
ph-accept = ACCEPT
ph-about = ABOUT
ph-record = RECORD
ph-stage = STAGE
ph-hex = HEX
ph-grade = GRADE
ph-channel = CHANNEL
ph-applicant = APPLICANT
ph-n = N
ph-place = PLACE
ph-threshold = THRESHOLD
ph-proposal = PROPOSAL
ph-cert-version = CERT_VERSION
ph-digest-match = DIGEST_MATCH
ph-seal-verdict = SEAL_VERDICT
ph-entry-mode = ENTRY_MODE
ph-dispute-days = DISPUTE_DAYS
ph-open-attr = OPEN_ATTR
ph-update-cycle = UPDATE_CYCLE
ph-data-class = DATA_CLASS
ph-ack-days = ACK_DAYS
ph-answer-days = ANSWER_DAYS
ph-deliver-days = DELIVER_DAYS
ph-waiting = WAITING
days-backwards = { $flags }: the last day is before the first
day-not-over = { $day } is not over, by the ledger's time
leaf-not-here = { $id }: the vault here does not have it; one of a batch can be brought only by the vault that imported it
perhaps-leaf = { $id }; if it is one of a batch, the province that imported it first makes it a record: hefu cert materialise { $id }
batch-not-here = { $file }; the decisions of a batch are kept only where it was recorded: do it there
format-unknown = { $flags }: the file's name does not tell its form
ph-acts-per-tx = ACTS_PER_TX
ph-blocks = BLOCKS
ph-extent = EXTENT
ph-mandate = MANDATE
ph-overlap-days = OVERLAP_DAYS
ph-percent = PERCENT
ph-purpose = PURPOSE
ph-question = QUESTION
ph-status = STATUS
ph-validators = VALIDATORS
ph-what = WHAT
ph-workload = WORKLOAD
ph-at-height = AT_HEIGHT
ph-from = FROM
ph-from-height = FROM_HEIGHT
ph-to-height = TO_HEIGHT
ph-certificate = CERTIFICATE
ph-authority = AUTHORITY
ph-actor = ACTOR
ph-issuer-region = ISSUER_REGION
ph-relying-region = RELYING_REGION
ph-wrong = WRONG
ph-catalogue = CATALOGUE
ph-commitment = COMMITMENT
ph-consumer = CONSUMER
ph-provider = PROVIDER
ph-other = OTHER
ph-lead = LEAD
ph-handler = HANDLER
ph-pauses = PAUSES
ph-pause-days = PAUSE_DAYS
ph-power = POWER
ph-in-force = IN_FORCE
ph-opposed = OPPOSED
ph-member = MEMBER
ph-hours = HOURS
ph-sample = SAMPLE
ph-holder = HOLDER

# What is wrong with a code.
code-alphabet = character { $position } is not one a credit code may have
code-bank-card = looks like a bank card number
code-character = a character does not belong here
code-check = the check character should be { $expected }
code-citizen-id = looks like a citizen id
code-definer = definer
code-inner-check = character 17, the check of the organisation code, should be { $expected }
code-issuer = issuer
code-length = expected { $most } characters, found { $found }
code-lower-case = letters must be capital
code-mobile-number = looks like a mobile number
code-number = not a number in range
code-old-citizen-id = looks like a citizen id of the old form
code-other-issuer = the identifier names another issuer than the document
code-other-type = the identifier names another type than the document
code-other-version = the identifier names another version than the document
code-parts = expected type, issuer, serial, version and check after the root
code-region = characters 3 to 8 must be digits
code-root = does not start with 1.2.156.3005.2.
code-sequence = the last three characters must be 001 to 999
code-serial-character = the serial may have digits and capital letters only
code-serial-length = the serial has { $found } characters, not 1 to { $most }
code-too-long = { $found } characters are more than the { $most } allowed
code-type = type
code-version = the version must be 001 to 999
form-unit = a unit and the region where it stands, like W-01=310115
ph-unit = UNIT
