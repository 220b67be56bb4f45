//! Why a document is no genesis. Every error names the province, the body and the cause.

use hefu_contracts::Code;
use hefu_contracts::genesis_state::InitialStateError;
use hefu_primitives::bounds::MAX_VALIDATORS;
use hefu_primitives::codes::{ItemError, PersonalData, TypeCodeError, UsccError};
use hefu_primitives::{BaseCode, CodecError, H32, Id16, KeyId, Region, TypeCode, Uscc};

use crate::validate::{MAX_ADDRESS_BYTES, MAX_ADDRESSES, MAX_KEYS_PER_ROLE, MAX_NAME, MIN_MEMBERS};

/// Why bytes, text or a document are no genesis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Too large, as JSON or as canonical bytes.
    #[error("the document has {found} bytes; {bound} are possible")]
    TooLarge {
        /// Largest size, in bytes.
        bound: usize,
        /// Size found, in bytes.
        found: usize,
    },
    /// Not the JSON of this document. The parser's words are kept: they name the unknown or
    /// missing field to whoever edits the file.
    #[error("line {line}, column {column}: {message}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// Not the canonical bytes of this document.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A format this program does not know.
    #[error("format {found} is not known; this program knows {}", crate::FORMAT)]
    Format {
        /// Format found.
        found: u16,
    },
    /// What the founders agree on.
    #[error("charter: {0}")]
    Charter(#[from] CharterFault),
    /// Too few or too many members.
    #[error("{found} members: {MIN_MEMBERS} to {MAX_VALIDATORS} are possible")]
    MemberCount {
        /// Members found.
        found: usize,
    },
    /// A province stands twice.
    #[error("province {0} stands twice")]
    RepeatedMember(Region),
    /// A member is wrong.
    #[error("province {region}: {fault}")]
    Member {
        /// The province.
        region: Region,
        /// The cause.
        fault: MemberFault,
    },
    /// An authority is wrong.
    #[error("province {region}, authority {code}: {fault}")]
    Authority {
        /// The province.
        region: Region,
        /// The authority.
        code: Uscc,
        /// The cause.
        fault: AuthorityFault,
    },
    /// An authority stands twice, in one province or two.
    #[error("authority {code} stands in province {first} and again in {second}")]
    RepeatedAuthority {
        /// The authority.
        code: Uscc,
        /// Where first.
        first: Region,
        /// Where again.
        second: Region,
    },
    /// A key may not be registered: no point of the curve, or of small order.
    #[error("province {region}: the {used} is no key that can be registered")]
    WeakKey {
        /// The province.
        region: Region,
        /// What the key is for.
        used: KeyUse,
    },
    /// The contracts refuse the state for a reason not named above.
    #[error("state: {0}")]
    State(#[from] InitialStateError),
    /// One key for two purposes.
    #[error(
        "key {key} is the {first} of province {first_region} and the {second} of {second_region}"
    )]
    RepeatedKey {
        /// The key.
        key: KeyId,
        /// Where first.
        first_region: Region,
        /// What for.
        first: KeyUse,
        /// Where again.
        second_region: Region,
        /// What for.
        second: KeyUse,
    },
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyUse {
    /// Consensus.
    #[error("validator key")]
    Validator,
    /// The peer-to-peer network.
    #[error("node key")]
    Node,
    /// Governing the member.
    #[error("governor key")]
    Governor,
    /// Acts of an authority.
    #[error("acting key of {0}")]
    Acting(Uscc),
}

/// What is wrong with a charter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CharterFault {
    /// The network's name.
    #[error("name: {0}")]
    Name(#[from] TextFault),
    /// The time is not between 2020 and 2100.
    #[error("the time of creation is not between 2020 and 2100")]
    Created,
    /// A parameter is out of range.
    #[error("parameter {0} is out of range")]
    Parameter(&'static str),
    /// The contract would not adopt the parameters.
    #[error("parameters: {0}")]
    Parameters(#[source] Code),
    /// A list is too long.
    #[error("{found} {what}: at most {bound} are possible")]
    TooMany {
        /// Which list.
        what: &'static str,
        /// Longest list.
        bound: usize,
        /// Length found.
        found: usize,
    },
    /// A type is wrong.
    #[error("type {code}: {fault}")]
    Type {
        /// The type.
        code: TypeCode,
        /// The cause.
        fault: TypeFault,
    },
    /// A scenario is wrong.
    #[error("scenario {id}: {fault}")]
    Scenario {
        /// The scenario.
        id: u32,
        /// The cause.
        fault: ScenarioFault,
    },
    /// A year has two calendars.
    #[error("the work calendar of {0} stands twice")]
    RepeatedCalendar(u16),
    /// An agreement is wrong.
    #[error("agreement {id}: {fault}")]
    Agreement {
        /// The agreement.
        id: Id16,
        /// The cause.
        fault: AgreementFault,
    },
    /// A service item is wrong.
    #[error("item {base}: {fault}")]
    Item {
        /// The item.
        base: BaseCode,
        /// The cause.
        fault: ItemFault,
    },
}

/// What is wrong with an initial service item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemFault {
    /// Listed twice.
    #[error("it stands twice")]
    Repeated,
    /// Not version 1.
    #[error("it must be version 1")]
    Version,
    /// A participant that is no founding member.
    #[error("{0} is no founding member")]
    UnknownParty(Region),
    /// A scenario that is not listed, or is another item's.
    #[error("scenario {0} is not listed for it")]
    UnknownScenario(u32),
    /// The contract would not take it.
    #[error(transparent)]
    Rule(#[from] Code),
}

/// What is wrong with a public text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// Empty, too long, or with space around it.
    #[error("expected 1 to {MAX_NAME} characters without space around them")]
    Length,
    /// A control character.
    #[error("a control character does not belong here")]
    Control,
    /// What looks like a personal number.
    #[error(transparent)]
    Personal(#[from] PersonalData),
}

/// What is wrong with a certificate type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeFault {
    /// The code.
    #[error(transparent)]
    Code(#[from] TypeCodeError),
    /// A real definer in a demonstration, or a fictitious one in production.
    #[error(transparent)]
    Kind(#[from] KindFault),
    /// A name.
    #[error("name: {0}")]
    Name(#[from] TextFault),
    /// Listed twice.
    #[error("it stands twice")]
    Repeated,
    /// A version that is not the one after the previous, or does not begin at 1.
    #[error("version {0} is not the next one")]
    Version(u16),
    /// A type people hold, with identifiers in the clear.
    #[error("identifiers of a type that people may hold must be commitments")]
    PlainIdentifier,
    /// A schema digest of zero.
    #[error("the digest of its schema is missing")]
    Schema,
    /// The lead is no founding member.
    #[error("its lead {0} is no founding member")]
    Lead(Region),
    /// The contract would not adopt it.
    #[error(transparent)]
    Rule(#[from] Code),
}

/// What is wrong with a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioFault {
    /// Number zero.
    #[error("number 0 is not possible")]
    Zero,
    /// Listed twice.
    #[error("it stands twice")]
    Repeated,
    /// The service item's code.
    #[error("item: {0}")]
    Item(#[from] ItemError),
    /// No type, or a type twice.
    #[error("its types are empty or repeated")]
    Types,
    /// A type or version that is not listed.
    #[error("type {0} is not listed in that version")]
    UnknownType(TypeCode),
    /// The contract would not adopt it.
    #[error(transparent)]
    Rule(#[from] Code),
}

/// What is wrong with an initial agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgreementFault {
    /// Listed twice.
    #[error("it stands twice")]
    Repeated,
    /// Fewer than two parties, one twice, or the wrong number for its kind.
    #[error("the parties are too few, repeated, or too many for its kind")]
    Parties,
    /// A party that is no founding member.
    #[error("party {0} is no founding member")]
    UnknownParty(Region),
    /// It amends another, or is not the first version.
    #[error("it must be a first version that amends nothing")]
    Amendment,
    /// No entry, too many, or a type twice.
    #[error("its entries are empty, too many or repeated")]
    Entries,
    /// A type or version that is not listed.
    #[error("type {0} is not listed in that version")]
    UnknownType(TypeCode),
    /// An entry without a scenario, or with too many.
    #[error("the entry of type {0} has no scenario, or too many")]
    Scenarios(TypeCode),
    /// A scenario that is not listed, is repeated, or does not cover the type.
    #[error("scenario {0} is not listed, repeated, or does not cover the type")]
    UnknownScenario(u32),
    /// It begins before the ledger does, or ends before it begins.
    #[error("it begins before the ledger does, or ends before it begins")]
    Days,
    /// Working days to settle a dispute out of range.
    #[error("the working days to settle a dispute are not 1 to 60")]
    DisputeDays,
    /// The digest of its text is zero.
    #[error("the digest of its text is missing")]
    Text,
}

/// What is wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberFault {
    /// No province that can be a member.
    #[error("no province of this code can be a member")]
    Region,
    /// A name.
    #[error("name: {0}")]
    Name(#[from] TextFault),
    /// The operator is not among the authorities.
    #[error("its operator {0} is not among its authorities")]
    Operator(Uscc),
    /// No authority, or too many.
    #[error("{found} authorities: 1 to {bound} are possible")]
    AuthorityCount {
        /// Most authorities.
        bound: usize,
        /// Authorities found.
        found: usize,
    },
    /// Too many addresses.
    #[error("{0} addresses: at most {MAX_ADDRESSES} are possible")]
    AddressCount(usize),
    /// An address is not `host:port`.
    #[error("address {0} is not host:port of at most {MAX_ADDRESS_BYTES} bytes")]
    Address(usize),
}

/// What is wrong with an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityFault {
    /// The credit code, by its outer or inner check.
    #[error(transparent)]
    Code(#[from] UsccError),
    /// A real body in a demonstration, or a fictitious one in production.
    #[error(transparent)]
    Kind(#[from] KindFault),
    /// The code is not of a body under the staffing office.
    #[error("the credit code is not that of a public body")]
    NotPublic,
    /// Characters 3 and 4 are of another province.
    #[error("the credit code belongs to another province")]
    Prefix,
    /// The name.
    #[error("name: {0}")]
    Name(#[from] TextFault),
    /// The level is not 1 to 6.
    #[error("level {0} is not 1 to 6")]
    Level(u8),
    /// Its region lies outside the province.
    #[error("region {0} lies outside the province")]
    Region(Region),
    /// Too many mandates of a kind.
    #[error("{found} mandates of one kind: at most {bound} are possible")]
    MandateCount {
        /// Most mandates of a kind.
        bound: usize,
        /// Mandates found.
        found: usize,
    },
    /// A mandate stands twice.
    #[error("a mandate stands twice")]
    RepeatedMandate,
    /// May issue a type that is not listed.
    #[error("may issue type {0}, which is not listed")]
    UnknownType(TypeCode),
    /// May rely in a scenario that is not listed.
    #[error("may rely in scenario {0}, which is not listed")]
    UnknownScenario(u32),
    /// May handle an item whose code is wrong.
    #[error("may handle {code}: {fault}")]
    Item {
        /// The item.
        code: BaseCode,
        /// The cause.
        fault: ItemError,
    },
    /// A key without a role, with one twice, or with that of a governor.
    #[error("key {0}: its roles are empty, repeated, or those of a governor")]
    Roles(KeyId),
    /// Too many keys for one role.
    #[error("more than {MAX_KEYS_PER_ROLE} keys have one role")]
    KeysPerRole,
    /// A term that ends before it begins or the ledger does, or is longer than the parameter.
    #[error("key {0}: its term is empty, over, or too long")]
    Term(KeyId),
}

/// Real and fictitious bodies do not mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KindFault {
    /// A fictitious body in production (E222).
    #[error("{0} is fictitious: a production ledger refuses it (E222)")]
    Fictitious(Uscc),
    /// A real body in a demonstration (E222).
    #[error("{0} may be real: a demonstration takes codes beginning with HEFU only (E222)")]
    Real(Uscc),
}

/// Why a contribution or signature of the ceremony is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CeremonyError {
    /// The text or what it says is no document.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// Fewer than four provinces are invited, too many, or one twice.
    #[error(
        "{found} different provinces are invited: {MIN_MEMBERS} to {MAX_VALIDATORS} are possible"
    )]
    Invited {
        /// Different provinces found.
        found: usize,
    },
    /// A member file is for another draft.
    #[error("the file of province {region} is for draft {found}, not {expected}")]
    OtherDraft {
        /// The province.
        region: Region,
        /// Hash of this draft.
        expected: H32,
        /// Hash in the file.
        found: H32,
    },
    /// A province that was not invited.
    #[error("province {0} is not invited")]
    NotInvited(Region),
    /// Two files of one province.
    #[error("province {0} has two files")]
    RepeatedFile(Region),
    /// A province without a file.
    #[error("the file of province {0} is missing")]
    MissingFile(Region),
    /// A key that the seed does not name.
    #[error("province {region} does not name key {key}")]
    ForeignKey {
        /// The province.
        region: Region,
        /// The key.
        key: KeyId,
    },
    /// A key has not proved that its owner has it.
    #[error("province {region}: the {used} {key} has no proof of possession")]
    MissingProof {
        /// The province.
        region: Region,
        /// The key.
        key: KeyId,
        /// What it is for.
        used: KeyUse,
    },
    /// A proof of possession is wrong.
    #[error("province {region}: the proof of key {key} is not valid for this draft and seed")]
    BadProof {
        /// The province.
        region: Region,
        /// The key.
        key: KeyId,
    },
    /// A signature by a key that governs no member.
    #[error("key {0} governs no member of this genesis")]
    NotGovernor(KeyId),
    /// A signature on the genesis is wrong.
    #[error("the signature of province {region}, key {key}, is not valid")]
    BadSignature {
        /// The province.
        region: Region,
        /// The key.
        key: KeyId,
    },
    /// Two copies are of different genesis documents.
    #[error("the copies are of different genesis documents")]
    OtherGenesis,
    /// Members whose governors have not signed in sufficient number.
    #[error("not yet signed by enough governors: {}", list(.0))]
    Unsigned(Vec<Region>),
}

fn list(regions: &[Region]) -> String {
    regions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
