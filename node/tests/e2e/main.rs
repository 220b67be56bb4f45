//! Whole-system tests: the program as its users run it, in processes of its own.

mod audit;
mod auditor;
mod bench;
mod border;
mod demo;
mod evidence;
mod fifth_province;
mod formats;
mod four_provinces;
#[allow(dead_code)] // shared with the tests of faults, which use the rest of it
mod harness;
mod hour;
mod memory;
mod messages;
mod proofs;
mod reading;
mod readme;
mod refusals;
mod scenarios;
mod services;
mod showing;
mod waiting;
mod webhooks;
