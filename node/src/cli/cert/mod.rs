//! `hefu cert`: attesting certificates, what becomes of them, and showing them to others.

mod attest;
mod change;
mod leaf;
pub(super) mod ledger;
mod lists;
mod present;
mod request;
mod seal;
mod show;
mod transfer;
pub(super) mod verify;
mod vow;

use clap::Subcommand;

use super::app::App;
use super::args::Paging;
use super::fault::Done;
use super::import;

#[derive(Subcommand)]
pub(crate) enum Cert {
    Attest(Box<attest::Attest>),
    Import(import::Import),
    Suspend(change::Suspend),
    Resume(change::Resume),
    Revoke(change::Revoke),
    Renew(Box<attest::Renew>),
    TransferOut(transfer::Out),
    TransferIn(Box<transfer::In>),
    CancelTransfer(transfer::Cancel),
    Request(request::Request),
    Requests(request::Requests),
    Answer(request::Answer),
    WithdrawRequest(request::Withdraw),
    Materialise(leaf::Materialised),
    Batches(leaf::Batches),
    Find(leaf::Find),
    #[command(subcommand)]
    Seal(seal::Seal),
    DestroySalt(vow::Destroy),
    Reaffirm(vow::Reaffirmed),
    Show(show::Show),
    Status(show::Status),
    List(show::List),
    History(show::History),
    Present(present::Present),
    Verify(verify::Verify),
    Evidence(show::Evidence),
    Types(Paging),
    Scenarios(Paging),
}

pub(crate) fn run(app: &App, command: Cert) -> Done {
    match command {
        Cert::Attest(args) => attest::run(app, &args, None),
        Cert::Import(args) => import::run(app, &args),
        Cert::Suspend(args) => change::suspend(app, &args),
        Cert::Resume(args) => change::resume(app, &args),
        Cert::Revoke(args) => change::revoke(app, &args),
        Cert::Renew(args) => attest::renew(app, &args),
        Cert::TransferOut(args) => transfer::out(app, &args),
        Cert::TransferIn(args) => transfer::take(app, &args),
        Cert::CancelTransfer(args) => transfer::cancel(app, &args),
        Cert::Request(args) => request::request(app, &args),
        Cert::Requests(args) => request::requests(app, &args),
        Cert::Answer(args) => request::answer(app, &args),
        Cert::WithdrawRequest(args) => request::withdraw(app, &args),
        Cert::Materialise(args) => leaf::materialise(app, &args),
        Cert::Batches(args) => leaf::batches(app, &args),
        Cert::Find(args) => leaf::find(app, &args),
        Cert::Seal(command) => seal::run(app, command),
        Cert::DestroySalt(args) => vow::destroy(app, &args),
        Cert::Reaffirm(args) => vow::reaffirm(app, &args),
        Cert::Show(args) => show::run(app, &args),
        Cert::Status(args) => show::status(app, &args),
        Cert::List(args) => show::list(app, &args),
        Cert::History(args) => show::history(app, &args),
        Cert::Present(args) => present::run(app, &args),
        Cert::Verify(args) => verify::run(app, &args),
        Cert::Evidence(args) => show::evidence(app, &args),
        Cert::Types(paging) => lists::types(app, &paging),
        Cert::Scenarios(paging) => lists::scenarios(app, &paging),
    }
}
