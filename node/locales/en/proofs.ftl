# Why a proof does not hold, as the library says it; the first pattern that fits, by key, is said.

# Files.

proof-said-changed = digest: the file was changed or damaged
proof-said-parts = encoding: more than { $records } records or { $cosigners } cosigners
proof-said-format = format: version { $version } is not known
proof-said-genesis-capsule = genesis: the capsule is of ledger { $found }, not { $expected }
proof-said-genesis-file = genesis: the file is of ledger { $found }, not { $expected }
proof-said-kept = { $file }, which this command keeps (move it away to begin at the genesis again): { $error }

# Capsules.

proof-said-header-else = header { $height }: certificate or validator set is of something else
proof-said-other-ledger = transaction: made for another ledger
proof-said-signature-capsule = transaction: the signature is not by the key in the capsule
proof-said-inclusion = log: the transaction was not recorded at height { $height }
proof-said-status-order = status: height { $status } is before the record's height { $recorded }
proof-said-record = status: record { $number } is not proven
proof-said-cosigner = cosigners: the key of province { $region } is not proven, or does not stand in its place
proof-said-checkpoint = checkpoint: it is not of this log
proof-said-cosignature = checkpoint: the cosignature of province { $region } does not verify
proof-said-receipt = receipts: the receipt of province { $region } does not verify

# Headers.

proof-said-chain = the header is of ledger { $chain }
proof-said-stale = height { $found } is not after height { $trusted }, which is known
proof-said-unasked = height { $wanted } was asked for, the answer is of height { $found }
proof-said-time = header { $height }: its time is not after that of the header before
proof-said-future = header { $height }: its time is { $ms } ms ahead of this computer's clock
proof-said-leaves = header { $height }: its log has { $found } leaves, an earlier one had { $known }
proof-said-handover = header { $height }: decided by another validator set than the header before names
proof-said-parent = header { $height }: continues another block than the one known
proof-said-overlap = header { $height }: { $found } of the known power signed; { $needed } are needed for a step
proof-said-expired = header { $height } is too old to step over a change of validators from it

# Forks.

proof-said-no-fork = the two headers do not contradict each other
proof-said-forged = the other header's certificate or validator set is of something else
proof-said-strangers = validators with power { $found } signed the other header; { $needed } make a fork
proof-said-unlinked = changes of validators were stepped over; a proof needs all of them

# Certificates.

proof-said-place = signature { $number } is out of order or names no validator
proof-said-certificate-signature = the signature of validator { $index } does not verify
proof-said-power = power { $found } signed; { $needed } are needed

# Contradictions of validators.

proof-said-evidence-height = header: it is of height { $header }, the evidence of { $evidence }
proof-said-not-in-order = the two messages are not in order
proof-said-no-contradiction = the two messages do not contradict each other
proof-said-evidence-signature = a signature does not verify

# Encodings.

proof-said-not-encoding = not a valid encoding (at byte { $position })
proof-said-not-canonical = not the canonical encoding
proof-said-too-many-bytes = { $found } bytes are more than the { $bound } allowed
proof-said-acts = { $number } acts: 1 to { $most } are possible
proof-said-transactions = { $number } transactions: 1 to { $most } are possible
proof-said-validators = { $number } validators: 1 to { $most } are possible
proof-said-act-bytes = act { $position } has { $bytes } bytes; { $most } are possible
proof-said-suite = algorithm { $number } belongs to no known suite
proof-said-content-type = the content type is not { $type }
proof-said-subject = the subject is not printable ASCII of at most { $most } bytes
proof-said-province-power = province { $region } has a voting power out of range
proof-said-province-twice = province { $region } or its key stands twice

# Logs and maps.

proof-said-log-order = a log of { $old } leaves cannot precede one of { $new }
proof-said-log-bound = a log of { $size } leaves is over the bound
proof-said-log-hash = hash { $index } of level { $level } is missing
proof-said-log-leaf = leaf { $index } is not in a log of { $size } leaves
proof-said-log-outside = { $index } is outside a log of { $size } leaves
proof-said-log-older-root = the proof does not lead to the older root
proof-said-log-root = the proof does not lead to the root
proof-said-log-leaves = the proof is for { $found } leaves, the head has { $expected }
proof-said-log-hashes = { $found } hashes are not the number this proof needs
proof-said-map-shape = no map has this shape
proof-said-map-way = the other key does not stand in the way of this path
proof-said-map-siblings = { $found } siblings are more than a path has bits

# Checkpoints, statements, receipts.

proof-said-line = line { $number } of the checkpoint is not what it must be
proof-said-claim = a claim of the receipt is not what it must be
proof-said-receipt-algorithm = the key is of another algorithm than the receipt
proof-said-receipt-signature = the signature is not by this key over this log
proof-said-receipts = { $number } receipts: 1 to { $most } are possible
proof-said-note-long = the note is longer than { $most } bytes or has too many signatures
proof-said-note-text = not text without control characters
proof-said-note-shape = not a text, a blank line, and signatures
proof-said-note-line = signature line { $number } is none
proof-said-note-key = not a verifier key: NAME+ID+KEY
proof-said-note-kind = signature kind { $number } is not known
proof-said-note-signature = a signature line names a known key, and its signature does not verify
proof-said-another-statement = the statement is of another one
proof-said-origin = the origin is { $origin }
proof-said-no-cosigner = no cosignature is by a known key
proof-said-transaction-chain = the transaction is for another ledger
proof-said-receipt-twice = a receipt of the same key stands twice
proof-said-no-receipt = none is by a known key

# What holds another: after those that begin alike.

proof-said-z-encoding = encoding: { $error }
proof-said-z-evidence = evidence: { $error }
proof-said-z-header = header { $height }: { $error }
proof-said-z-other = the other header: { $error }
proof-said-z-proof = proof: { $error }
proof-said-z-transaction = transaction: { $error }
proof-said-z-transaction-of = transaction { $position }: { $error }
