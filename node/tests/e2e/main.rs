//! Whole-system tests: the program as its users run it, in processes of its own.

mod demo;
mod formats;
mod four_provinces;
mod harness;
mod messages;
mod reading;
mod readme;
mod refusals;
mod showing;
