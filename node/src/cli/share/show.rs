//! `hefu share list` and `show`.

use clap::{Args, ValueEnum};
use hefu_primitives::{Id16, Uscc};

use super::super::app::App;
use super::super::args::{AtHeight, Paging};
use super::super::fault::Done;
use super::super::list;
use super::super::table::{Column, col};

const CATALOGUE: &[Column] = &[
    col("cat-id", "/entry/cat_id"),
    col("title", "/entry/title"),
    col("provider", "/provider"),
    col("share", "/entry/share"),
    col("mode", "/entry/mode"),
    col("version", "/entry/version"),
    col("state", "/state"),
];

const REQUESTS: &[Column] = &[
    col("id", "/body/req_id"),
    col("cat-id", "/body/cat_id"),
    col("consumer", "/consumer"),
    col("provider", "/provider"),
    col("state", "/state"),
    col("submitted", "/submitted/time").as_time(),
];

const GRANTS: &[Column] = &[
    col("id", "/id"),
    col("cat-id", "/cat_id"),
    col("consumer", "/consumer"),
    col("provider", "/provider"),
    col("per-day", "/extent/per_day"),
    col("until", "/extent/until"),
    col("status", "/status|/state"),
];

const RECEIPTS: &[Column] = &[
    col("id", "/receipt/rcp_id"),
    col("grant", "/receipt/grant_id").short(),
    col("kind", "/receipt/kind"),
    col("records", "/receipt/n_records"),
    col("time", "/receipt/t0").as_time(),
    col("state", "/state"),
    col("flags", "/flags"),
];

/// What sharing leaves on the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Catalogue entries.
    #[default]
    #[value(alias = "entry")]
    Catalogue,
    /// Requests for access.
    #[value(alias = "request")]
    Requests,
    /// Grants.
    #[value(alias = "grant")]
    Grants,
    /// Receipts of uses.
    #[value(alias = "receipt")]
    Receipts,
}

impl Kind {
    const fn path(self) -> &'static str {
        match self {
            Self::Catalogue => "/catalogue",
            Self::Requests => "/requests",
            Self::Grants => "/grants",
            Self::Receipts => "/receipts",
        }
    }

    const fn columns(self) -> &'static [Column] {
        match self {
            Self::Catalogue => CATALOGUE,
            Self::Requests => REQUESTS,
            Self::Grants => GRANTS,
            Self::Receipts => RECEIPTS,
        }
    }
}

#[derive(Args)]
pub(crate) struct List {
    /// What: catalogue, requests, grants or receipts.
    #[arg(value_enum, default_value_t)]
    kind: Kind,
    /// Catalogue entries of this provider.
    #[arg(long, value_name = "USCC")]
    provider: Option<Uscc>,
    /// Receipts of this grant.
    #[arg(long, value_name = "ID")]
    grant: Option<Id16>,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) fn list(app: &App, args: &List) -> Done {
    let provider = args.provider.iter().map(|code| ("provider", code.to_string()));
    let filters: Vec<(&str, String)> =
        provider.chain(args.grant.iter().map(|id| ("grant", id.to_string()))).collect();
    let (path, columns) = (args.kind.path(), args.kind.columns());
    list::List { path, columns, empty: "share-list-empty" }.show(app, &args.paging, &filters)
}

#[derive(Args)]
pub(crate) struct Show {
    /// What: catalogue, requests, grants or receipts.
    #[arg(value_enum)]
    kind: Kind,
    /// Its id.
    id: String,
    #[command(flatten)]
    at: AtHeight,
}

pub(crate) fn run(app: &App, args: &Show) -> Done {
    list::show(app, &format!("{}/{}", args.kind.path(), segment(&args.id)), args.at)
}

/// An id as one segment of an address: resource codes hold slashes.
pub(super) fn segment(id: &str) -> String {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    id.bytes()
        .map(|c| if plain(c) { char::from(c).to_string() } else { format!("%{c:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_one_segment() {
        assert_eq!(segment("307001/01"), "307001%2F01");
        assert_eq!(segment("a?b"), "a%3Fb");
    }
}
