//! A province joins: it asks with a file of public keys, a member proposes it, the members vote, and
//! the province proves its keys. The private ones never leave its folder.

use std::path::PathBuf;

use clap::Args;
use hefu_contracts::identity::{
    Action, Candidate, GovernorKey, Member, MemberProof, Possession, ProveKeys, ReplaceGovernors,
    Role,
};
use hefu_primitives::codes::region::province_of;
use hefu_primitives::{KeyPair, Millis, PublicKey, Region, Uscc};
use serde_json::{Value, json};

use super::super::app::{App, now};
use super::super::args::{Signing, region};
use super::super::exit::Exit;
use super::super::fault::{Done, Fault};
use super::super::key::key_here;
use super::super::list::record;
use super::super::proposal::propose_action;
use super::super::submit::{Ledger, submit_governed};
use super::own_region;

/// Days of a governor's key, as many as the parameters allow where nothing else was voted.
const TERM_DAYS: u16 = 731;
/// Labels of a member's governors in its keystore.
const GOVERNORS: [&str; 3] = ["governor-1", "governor-2", "governor-3"];

#[derive(Args)]
pub(crate) struct Request {
    /// The province that wants to join.
    #[arg(long, value_parser = region)]
    province: Region,
    /// Its data administration.
    #[arg(long, value_name = "USCC")]
    operator: Uscc,
    /// The data administration's public name.
    #[arg(long, value_name = "NAME")]
    operator_name: String,
    /// Where other nodes dial this one: host:port.
    #[arg(long = "address", value_name = "HOST:PORT", required = true)]
    addresses: Vec<String>,
    /// Term of the governors' keys, in days.
    #[arg(long, value_name = "DAYS", default_value_t = TERM_DAYS,
          value_parser = clap::value_parser!(u16).range(1..=731))]
    term: u16,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn request(app: &App, args: &Request) -> Done {
    let province = province_of(args.province).ok_or_else(|| Fault::with("E201", args.province))?;
    let keystore = app.new_keystore()?;
    let key = |label: &str, roles: &[Role]| {
        key_here(app, &keystore, label, roles).map(|pair| pair.public())
    };
    let governor = |label: &&str| key(label, &[Role::Governor]);
    let (not_before, not_after) = Candidate::longest_term(now(), args.term);
    let candidate = Candidate {
        region: args.province,
        operator: args.operator,
        operator_name: args.operator_name.clone(),
        name_zh: province.name.to_owned(),
        name_en: province.english.to_owned(),
        validator_key: key("validator", &[])?,
        node_key: key("node", &[])?,
        governors: GOVERNORS.iter().map(governor).collect::<Result<_, _>>()?,
        not_before,
        not_after,
        addresses: args.addresses.clone(),
    };
    let path = args.out.clone().unwrap_or_else(|| format!("join-{}.json", args.province).into());
    write_action(app, &path, &Action::AdmitMember(candidate))?;
    let (file, folder) = (path.display().to_string(), keystore.folder().display().to_string());
    let region = args.province.to_string();
    let arguments = [("file", file.as_str()), ("region", &region), ("folder", &folder)];
    let value = json!({ "file": file, "region": args.province });
    app.out.done(&value, &app.out.text("member-requested", &arguments));
    Ok(Exit::Ok)
}

fn write_action(app: &App, path: &std::path::Path, action: &Action) -> Result<(), Fault> {
    let mut text = serde_json::to_string_pretty(action).unwrap_or_default();
    text.push('\n');
    app.write(path, text.as_bytes())
}

#[derive(Args)]
pub(crate) struct Propose {
    /// The province's file.
    file: PathBuf,
    /// The province that proposes; the one whose governor keys are here when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

/// Proposes what a province asks for in its file: to join, or new governors.
pub(crate) fn propose(app: &App, args: &Propose) -> Done {
    let bad =
        |why: String| Fault::with("cli.input", format_args!("{}: {why}", args.file.display()));
    let action: Action =
        serde_json::from_slice(&app.read(&args.file)?).map_err(|error| bad(error.to_string()))?;
    match action {
        Action::AdmitMember(_) | Action::ReplaceGovernors(_) => {
            propose_action(app, &args.signing, args.member, None, action)
        }
        other => Err(bad(other.name().to_owned())),
    }
}

#[derive(Args)]
pub(crate) struct Prove {
    /// The approved province; that of this folder when not given.
    #[arg(value_parser = region)]
    province: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn prove(app: &App, args: &Prove) -> Done {
    let region = own_region(app, args.province)?;
    let answer = app.client()?.get(&format!("/members/{region}"), &[])?;
    let member: Member = read_member(&answer)?;
    let keystore = app.keystore()?;
    let load = |id: hefu_primitives::KeyId| -> Result<KeyPair, Fault> {
        Ok(keystore.load(id, app.passphrase()?)?)
    };
    let governors: Vec<KeyPair> =
        member.governors.iter().map(|id| load(*id)).collect::<Result<_, _>>()?;
    let public: Vec<PublicKey> = governors.iter().map(KeyPair::public).collect();
    let ledger = Ledger::of(app.client()?)?;
    let statement = MemberProof::of_admission(ledger.chain, &member, &public)
        .ok_or_else(|| Fault::with("E206", region))?;
    let act = ProveKeys {
        member: region,
        validator: statement.sign(&load(member.validator_key.id())?),
        node: statement.sign(&load(member.node_key.id())?),
        governors: governors.iter().map(|key| statement.sign(key)).collect(),
    };
    let told = json!({ "region": region });
    submit_governed(app, &args.signing, Some(region), act.into(), &super::subject(region), &told)
}

/// The member's record in an answer.
pub(super) fn read_member(answer: &Value) -> Result<Member, Fault> {
    serde_json::from_value(record(answer).clone())
        .map_err(|error| Fault::with("cli.bad_answer", error))
}

#[derive(Args)]
pub(crate) struct RecoveryRequest {
    /// The province; that of this folder when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    /// What the labels of the three new keys begin with.
    #[arg(long, value_name = "LABEL", default_value = "governor-new")]
    label: String,
    /// Since when the old keys were in other hands, if they were.
    #[arg(long, value_name = "TIME", value_parser = super::super::args::instant)]
    since: Option<Millis>,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Makes three new governors' keys, and the file with which the others can put them in place.
pub(crate) fn recovery_request(app: &App, args: &RecoveryRequest) -> Done {
    let region = own_region(app, args.member)?;
    let answer = app.client()?.get(&format!("/members/{region}"), &[])?;
    let owner = read_member(&answer)?.operator;
    let (ledger, keystore) = (Ledger::of(app.client()?)?, app.keystore()?);
    let (not_before, not_after) = Candidate::longest_term(ledger.block_time, TERM_DAYS);
    let mut governors = Vec::new();
    for number in 1..=GOVERNORS.len() {
        let (label, roles) = (format!("{}-{number}", args.label), vec![Role::Governor]);
        let pair = key_here(app, &keystore, &label, &roles)?;
        let statement = Possession { chain: ledger.chain, owner, roles, not_before, not_after };
        let (key, possession) = (pair.public(), statement.sign(&pair));
        governors.push(GovernorKey { key, not_before, not_after, possession });
    }
    let path = args.out.clone().unwrap_or_else(|| format!("recover-{region}.json").into());
    let compromised_since = args.since;
    let act = ReplaceGovernors { member: region, governors, compromised_since };
    write_action(app, &path, &Action::ReplaceGovernors(act))?;
    let (file, folder) = (path.display().to_string(), keystore.folder().display().to_string());
    let shown = region.to_string();
    let arguments = [("file", file.as_str()), ("region", &shown), ("folder", &folder)];
    let value = json!({ "file": file, "region": region });
    app.out.done(&value, &app.out.text("member-requested", &arguments));
    Ok(Exit::Ok)
}
