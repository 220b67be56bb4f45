//! `hefu share`: the catalogue of data, requests for it, grants, and receipts of its use.

mod answer;
mod catalogue;
mod consent;
mod receipt;
mod request;
mod show;

use clap::Subcommand;
use hefu_contracts::sharing::BasisKind;
use hefu_primitives::H32;
use hefu_primitives::hash::{Domain, hash};

use super::app::App;
use super::batch;
use super::fault::{Done, Fault};
use super::openings::public_digest;

pub(crate) use self::receipt::role_of;

#[derive(Subcommand)]
pub(crate) enum Share {
    List(show::List),
    Show(show::Show),
    Publish(Box<catalogue::Publish>),
    State(catalogue::State),
    Consent(consent::Consent),
    Request(request::Request),
    Withdraw(request::Withdraw),
    Acknowledge(answer::Acknowledge),
    Grant(answer::Grant),
    Deny(answer::Deny),
    Return(answer::Return),
    GrantState(answer::GrantChange),
    Receipt(Box<receipt::Receipt>),
    Cosign(receipt::Cosign),
    Confirm(receipt::Confirm),
    Contest(receipt::Contest),
    Hour(batch::Hour),
    Hours(batch::Hours),
}

pub(crate) fn run(app: &App, command: Share) -> Done {
    match command {
        Share::List(args) => show::list(app, &args),
        Share::Show(args) => show::run(app, &args),
        Share::Publish(args) => catalogue::publish(app, &args),
        Share::State(args) => catalogue::state(app, &args),
        Share::Consent(args) => consent::run(app, &args),
        Share::Request(args) => request::run(app, &args),
        Share::Withdraw(args) => request::withdraw(app, &args),
        Share::Acknowledge(args) => answer::acknowledge(app, &args),
        Share::Grant(args) => answer::grant(app, &args),
        Share::Deny(args) => answer::deny(app, &args),
        Share::Return(args) => answer::send_back(app, &args),
        Share::GrantState(args) => answer::change(app, &args),
        Share::Receipt(args) => receipt::run(app, &args),
        Share::Cosign(args) => receipt::cosign(app, &args),
        Share::Confirm(args) => receipt::confirm(app, &args),
        Share::Contest(args) => receipt::contest(app, &args),
        Share::Hour(args) => batch::hour(app, &args),
        Share::Hours(args) => batch::hours(app, &args),
    }
}

/// A legal basis: its kind and the text it stands in.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Basis {
    /// Kind of the legal basis: law, state-council, ministry or local.
    #[arg(long = "basis-kind", value_name = "KIND", requires = "basis_file",
          value_parser = super::args::word::<BasisKind>)]
    basis_kind: Option<BasisKind>,
    /// Text of the legal basis.
    #[arg(long = "basis-file", value_name = "FILE", requires = "basis_kind")]
    basis_file: Option<std::path::PathBuf>,
}

impl Basis {
    const fn kind(&self) -> Option<BasisKind> {
        self.basis_kind
    }

    fn read(&self, app: &App) -> Result<Option<hefu_contracts::sharing::Basis>, Fault> {
        let (Some(kind), Some(path)) = (self.basis_kind, &self.basis_file) else { return Ok(None) };
        Ok(Some(hefu_contracts::sharing::Basis { kind, digest: public_digest(app, path)? }))
    }
}

/// The digest of a list of fields: sorted, each once, so that both sides compute the same.
fn fields_digest(fields: &[String]) -> (H32, u16) {
    let mut names: Vec<&str> = fields.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let bytes: Vec<u8> = names.iter().flat_map(|name| [name.as_bytes(), b"\n"].concat()).collect();
    (hash(Domain::Digest, &[&bytes]), u16::try_from(names.len()).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_fields_does_not_matter() {
        let of = |names: &[&str]| {
            fields_digest(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&["b", "a", "a"]), of(&["a", "b"]));
        assert_ne!(of(&["ab"]), of(&["a", "b"]));
        assert_eq!(of(&["a", "b"]).1, 2);
    }
}
