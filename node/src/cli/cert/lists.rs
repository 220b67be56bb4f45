//! `hefu cert types` and `scenarios`: what the members adopted by vote.

use super::super::app::App;
use super::super::args::Paging;
use super::super::fault::Done;
use super::super::list::List;
use super::super::table::{Column, col};

const TYPES: &[Column] = &[
    col("code", "/terms/code"),
    col("version", "/terms/version"),
    col("name", "/terms/name_zh@zh|/terms/name_en@en"),
    col("holder", "/terms/holder_class"),
    col("identifier", "/terms/id_policy"),
    col("state", "/state"),
];

const SCENARIOS: &[Column] = &[
    col("id", "/terms/id"),
    col("name", "/item_name"),
    col("item", "/terms/item"),
    col("types", "/terms/types").count(),
    col("freshness", "/terms/freshness_s"),
    col("consent", "/terms/consent"),
    col("state", "/state"),
];

pub(crate) fn types(app: &App, paging: &Paging) -> Done {
    List { path: "/types", columns: TYPES, empty: "list-empty" }.show(app, paging, &[])
}

pub(crate) fn scenarios(app: &App, paging: &Paging) -> Done {
    List { path: "/scenarios", columns: SCENARIOS, empty: "list-empty" }.show(app, paging, &[])
}
