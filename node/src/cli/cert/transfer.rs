//! `hefu cert transfer-out`, `cancel-transfer`, `transfer-in`: a certificate goes to another province.

use clap::Args;
use hefu_contracts::certificate::{
    CancelTransfer, Previous, SupersedeReason, TransferIn, TransferOut,
};
use hefu_primitives::{Id16, Millis, Region};

use super::super::app::{App, now};
use super::super::args::{Signing, instant, region};
use super::super::fault::Done;
use super::attest::{self, Attest};
use super::change::change;

#[derive(Args)]
pub(crate) struct Out {
    /// The attestation.
    att_id: Id16,
    /// The province that is to take it over.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    to: Region,
    /// When it was decided; now when not given.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    decided: Option<Millis>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Cancel {
    /// The attestation.
    att_id: Id16,
    /// When it was decided; now when not given.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    decided: Option<Millis>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct In {
    /// The attestation that is taken over.
    #[arg(long = "previous", value_name = "ATT_ID")]
    replaced: Id16,
    #[command(flatten)]
    attest: Attest,
}

pub(crate) fn out(app: &App, args: &Out) -> Done {
    let (id, occurred_at) = (args.att_id, args.decided.unwrap_or_else(now));
    change(app, &args.signing, id, TransferOut { id, to: args.to, occurred_at }.into())
}

pub(crate) fn cancel(app: &App, args: &Cancel) -> Done {
    let (id, occurred_at) = (args.att_id, args.decided.unwrap_or_else(now));
    change(app, &args.signing, id, CancelTransfer { id, occurred_at }.into())
}

pub(crate) fn take(app: &App, args: &In) -> Done {
    let previous = Previous { id: args.replaced, reason: SupersedeReason::Transfer };
    let act = |attestation| TransferIn { attestation }.into();
    attest::run_as(app, &args.attest, Some(previous), act)
}
