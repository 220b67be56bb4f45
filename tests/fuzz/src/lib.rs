//! # Fuzzing of every decoder that outsiders feed
//!
//! ## Rules
//!
//! 1. A target is a plain function of bytes ([`targets`]). It never panics, and what it decodes
//!    encodes to the same bytes again; what can be verified is verified too, with keys that fit.
//! 2. Inputs are made from real samples ([`seeds`]) and what was kept (`corpus/`), by changes that
//!    know CBOR and lines of text ([`mutate`]).
//! 3. There is no coverage on a stable toolchain without another runtime, so the decoder's own answer
//!    guides: an input that is refused at a place or for a reason not seen before is worth changing
//!    further ([`hunt`]).
//! 4. Everything follows from a seed, which is printed. A failing input is kept as a file, and one
//!    found once belongs into `corpus/`.
//!
//! `cargo test -p hefu-fuzz` runs the corpus and a few thousand inputs a target; hours are for
//! `cargo run --release -p hefu-fuzz -- --target capsule --for 1h`.

pub mod corpus;
pub mod hunt;
pub mod mutate;
pub mod seeds;
pub mod targets;
