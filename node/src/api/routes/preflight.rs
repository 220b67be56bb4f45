//! What a change would do, before anybody signs it: whether it is possible, who votes, and what it
//! leaves of the quorum, given whose nodes are linked with this one now.

use axum::extract::State;
use hefu_contracts::exec::BlockInfo;
use hefu_contracts::identity::{
    Action, Change, Member, MemberState, Obligations, preflight as look,
};
use hefu_primitives::{Id16, Region, ValidatorSet};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::node::is_online;
use crate::api::answer::Answer;
use crate::api::params::Params;
use crate::api::problem::{ApiCode, Problem};
use crate::api::snapshot::Snapshot;
use crate::api::state::Api;
use crate::core::PROTOCOL;

/// Longest action as JSON, in bytes: acts are smaller.
const MAX_ACTION_BYTES: usize = 16 * 1024;

/// What to look ahead at: exactly one of the first four.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// An open proposal.
    #[param(value_type = Option<String>)]
    proposal: Option<Id16>,
    /// An action, as JSON.
    action: Option<String>,
    /// A member that leaves.
    #[param(value_type = Option<u32>)]
    leave: Option<Region>,
    /// An approved candidate that joins.
    #[param(value_type = Option<u32>)]
    join: Option<Region>,
    /// The province that proposes; this node's if absent.
    #[param(value_type = Option<u32>)]
    proposer: Option<Region>,
}

impl Asked {
    fn change(&self) -> Result<Change, Problem> {
        let bad = |detail: String| Problem::new(ApiCode::BadRequest, detail);
        match (&self.proposal, &self.action, self.leave, self.join) {
            (Some(id), None, None, None) => Ok(Change::Ballot(*id)),
            (None, Some(text), None, None) if text.len() <= MAX_ACTION_BYTES => {
                let action: Action =
                    serde_json::from_str(text).map_err(|error| bad(format!("action: {error}")))?;
                Ok(Change::Action(Box::new(action)))
            }
            (None, None, Some(region), None) => Ok(Change::Leave(region)),
            (None, None, None, Some(region)) => Ok(Change::Join(region)),
            _ => Err(bad("one of proposal, action, leave, join".to_owned())),
        }
    }
}

/// A set of validators, and how many of them are reached.
#[derive(Serialize, ToSchema)]
pub(crate) struct Seats {
    /// The provinces.
    #[schema(value_type = Vec<u32>)]
    validators: Vec<Region>,
    /// How many may fail or lie.
    tolerates: usize,
    /// Voting power a decision needs.
    needed: String,
    /// Voting power of those linked with this node, itself included.
    online: String,
    /// What may still fail: online less needed; negative when nothing can be decided.
    margin: i64,
}

/// What a change would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preflight {
    /// Whether it is possible now.
    possible: bool,
    /// The code it would be refused with.
    #[schema(value_type = Option<String>)]
    refusal: Option<String>,
    /// Who votes; nobody on what needs no vote.
    #[schema(value_type = Vec<u32>)]
    electors: Vec<Region>,
    /// How many must say yes.
    needed: u16,
    /// The validators that are scheduled now.
    now: Option<Seats>,
    /// The validators there would be.
    then: Option<Seats>,
    /// Agreements that would be left behind or not bind.
    #[schema(value_type = Vec<String>)]
    agreements: Vec<Id16>,
    /// Cases of its authorities that wait for a decision.
    cases: u32,
    /// Disputes with an authority of it that are not over.
    disputes: u32,
    /// Grants to or by its authorities whose term is not over.
    grants: u32,
    /// `would_stop`: too few are reached to decide anything after it; `no_margin`: nobody more may
    /// fail; `fewer_faults`: fewer may fail or lie than now; `e209`: obligations are left behind.
    warnings: Vec<&'static str>,
}

/// Looks ahead at a proposal, an action, a leaving or a joining.
#[utoipa::path(get, path = "/api/v1/preflight", tag = "identity", operation_id = "get_preflight",
    params(Asked), responses((status = 200, body = Answer<Preflight>)))]
pub(crate) async fn preflight(
    State(api): State<Api>,
    Params(asked): Params<Asked>,
) -> Result<Answer<Preflight>, Problem> {
    let change = asked.change()?;
    api.read(None, move |snapshot| {
        let members = snapshot.service.members();
        let active = |region: &Region| {
            members.iter().any(|m| m.region == *region && m.state == MemberState::Active)
        };
        let own = snapshot.service.region();
        let proposer = asked.proposer.or_else(|| Some(own).filter(active));
        let first = members.iter().map(|member| member.region).find(active);
        let proposer = proposer.or(first).unwrap_or(own);
        let found = look(snapshot, &next_block(snapshot), proposer, &change);
        let seats = |set: &Option<ValidatorSet>| set.as_ref().map(|s| seats(snapshot, &members, s));
        let (now, then) = (seats(&found.before), seats(&found.after));
        Ok(Preflight {
            possible: found.refusal.is_none(),
            refusal: found.refusal.map(|code| format!("E{}", code.number())),
            electors: found.electors,
            needed: found.needed,
            warnings: warnings(now.as_ref(), then.as_ref(), &found.obligations),
            now,
            then,
            agreements: found.obligations.agreements,
            cases: found.obligations.cases,
            disputes: found.obligations.disputes,
            grants: found.obligations.grants,
        })
    })
    .await
}

fn next_block(snapshot: &Snapshot<'_>) -> BlockInfo {
    let tip = snapshot.service.tip();
    BlockInfo {
        chain: snapshot.service.chain(),
        height: tip.height.next(),
        time: crate::runtime::wall_clock().max(tip.time.next()),
        protocol: PROTOCOL,
        parent: tip.block,
        log_size: tip.log_size,
    }
}

fn seats(snapshot: &Snapshot<'_>, members: &[Member], set: &ValidatorSet) -> Seats {
    let reached = |region: Region| {
        members.iter().any(|member| member.region == region && is_online(snapshot, member))
    };
    let validators = set.validators();
    let online: u64 = validators.iter().filter(|v| reached(v.region)).map(|v| v.power.0).sum();
    let (needed, count) = (set.quorum().0, validators.len());
    let signed = |power: u64| i64::try_from(power).unwrap_or(i64::MAX);
    Seats {
        validators: validators.iter().map(|validator| validator.region).collect(),
        tolerates: count.saturating_sub(1) / 3,
        needed: needed.to_string(),
        online: online.to_string(),
        margin: signed(online) - signed(needed),
    }
}

fn warnings(now: Option<&Seats>, then: Option<&Seats>, open: &Obligations) -> Vec<&'static str> {
    let mut found = Vec::new();
    if let (Some(now), Some(then)) = (now, then) {
        if then.margin < 0 {
            found.push("would_stop");
        } else if then.margin == 0 {
            found.push("no_margin");
        }
        if then.tolerates < now.tolerates {
            found.push("fewer_faults");
        }
    }
    if !open.is_empty() {
        found.push("e209");
    }
    found
}
