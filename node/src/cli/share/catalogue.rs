//! `hefu share publish` and `state`: a provider's catalogue entries.

use std::path::PathBuf;

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_contracts::sharing::{
    BasisKind, CatalogueReason, CatalogueState, DataClass, OpenAttribute, PublishCatalogue,
    SetCatalogueState, ShareKind, ShareMode, Sla, Tightening, UpdateCycle,
};
use serde_json::json;

use super::super::app::App;
use super::super::args::{Signing, word};
use super::super::fault::{Done, Fault};
use super::super::openings::public_digest;
use super::super::submit::submit;
use super::{Basis, fields_digest};

#[derive(Args)]
pub(crate) struct Publish {
    /// Code of the resource.
    cat_id: String,
    /// Its public title.
    #[arg(long)]
    title: String,
    /// Version: 1, or one more than the current.
    #[arg(long, default_value_t = 1)]
    version: u16,
    /// Class of the resource, 1 to 3.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    class: u8,
    /// unconditional, conditional or not-shared.
    #[arg(long, value_parser = word::<ShareKind>)]
    share: ShareKind,
    /// Text of the conditions (conditional).
    #[arg(long, value_name = "FILE")]
    conditions: Option<PathBuf>,
    #[command(flatten)]
    basis: Basis,
    /// Why it is tighter than before: law-changed, reclassified, security-risk or misused.
    #[arg(long, value_name = "REASON", value_parser = word::<Tightening>)]
    tightening: Option<Tightening>,
    /// Names of the information items, separated by commas; only their digest is recorded.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required = true)]
    items: Vec<String>,
    /// api, file, db or verify-only.
    #[arg(long, default_value = "verify-only", value_parser = word::<ShareMode>)]
    mode: ShareMode,
    /// How often it is renewed: real-time, daily, weekly, monthly, quarterly, yearly, irregular.
    #[arg(long, default_value = "daily", value_parser = word::<UpdateCycle>)]
    update_cycle: UpdateCycle,
    /// open, conditional or closed to the public.
    #[arg(long, default_value = "closed", value_parser = word::<OpenAttribute>)]
    open_attr: OpenAttribute,
    /// The data is personal information.
    #[arg(long)]
    personal: bool,
    /// general or important.
    #[arg(long, default_value = "general", value_parser = word::<DataClass>)]
    data_class: DataClass,
    /// Working days to acknowledge a request.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=60))]
    ack_days: u16,
    /// Working days to answer it.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=60))]
    answer_days: u16,
    /// Working days to deliver.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=60))]
    deliver_days: u16,
    #[command(flatten)]
    signing: Signing,
}

impl Publish {
    /// What can be seen to be wrong without the ledger.
    fn check(&self) -> Result<(), Fault> {
        if self.share == ShareKind::Conditional && self.conditions.is_none() {
            return Err(Fault::needs("--conditions", "needs-conditions"));
        }
        let high = |kind| matches!(kind, BasisKind::Law | BasisKind::StateCouncil);
        if self.share == ShareKind::NotShared && !self.basis.kind().is_some_and(high) {
            return Err(Fault::needs("--basis-kind law|state-council --basis-file", "needs-basis"));
        }
        if self.tightening.is_some() && self.basis.kind().is_none() {
            let flags = "--basis-kind --basis-file";
            return Err(Fault::needs(flags, "needs-basis-tightening"));
        }
        if self.ack_days > self.answer_days || self.answer_days > self.deliver_days {
            let flags = "--ack-days --answer-days --deliver-days";
            return Err(Fault::needs(flags, "days-in-order"));
        }
        Ok(())
    }
}

pub(crate) fn publish(app: &App, args: &Publish) -> Done {
    args.check()?;
    let (items_digest, item_count) = fields_digest(&args.items);
    let conditions_digest = match &args.conditions {
        Some(path) => Some(public_digest(app, path)?),
        None => None,
    };
    let act = PublishCatalogue {
        cat_id: args.cat_id.clone(),
        version: args.version,
        title: args.title.clone(),
        class: args.class,
        share: args.share,
        conditions_digest,
        basis: args.basis.read(app)?,
        tightening: args.tightening,
        items_digest,
        item_count,
        mode: args.mode,
        update_cycle: args.update_cycle,
        open_attr: args.open_attr,
        personal: args.personal,
        data_class: args.data_class,
        sla: Sla { ack: args.ack_days, answer: args.answer_days, deliver: args.deliver_days },
    };
    let told = json!({ "cat_id": args.cat_id });
    let subject = format!("cat:{}", args.cat_id);
    submit(app, &args.signing, Role::Provider, act.into(), &subject, &told)
}

#[derive(Args)]
pub(crate) struct State {
    /// Code of the resource.
    cat_id: String,
    /// published, suspended or withdrawn.
    #[arg(value_parser = word::<CatalogueState>)]
    state: CatalogueState,
    /// system, quality, security, duty-ended or restored.
    #[arg(long, value_parser = word::<CatalogueReason>)]
    reason: CatalogueReason,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn state(app: &App, args: &State) -> Done {
    let (cat_id, state, reason) = (args.cat_id.clone(), args.state, args.reason);
    let act = SetCatalogueState { cat_id, state, reason };
    let told = json!({ "cat_id": args.cat_id });
    let subject = format!("cat:{}", args.cat_id);
    submit(app, &args.signing, Role::Provider, act.into(), &subject, &told)
}
