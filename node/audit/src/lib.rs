//! # hefu-audit
//!
//! What auditors ask of a ledger, answered from an SQL index beside it.
//!
//! ## Rules
//!
//! 1. **A pure function of the blocks.** Every row follows from the genesis state, the blocks, what
//!    their execution emitted, and the records as they were after the block. Deleting the index and
//!    building it again gives the same answers, to the byte.
//! 2. **Nothing is overwritten.** A row is known from the position `pos` on; a newer version of the
//!    same thing closes the older one (`upto`) and stands beside it. So every question can be asked as
//!    known at any height, about any day.
//! 3. **One position orders everything**: `pos` is the height and the place in its block
//!    ([`Position`]). It is the key of pages, which therefore neither repeat nor drop a row while blocks
//!    arrive: a list is pinned to the height of its first page.
//! 4. **Whole blocks.** The rows of a block and the height they belong to are committed together.
//! 5. **One code path** for SQLite and for what speaks PostgreSQL's protocol ([`backend`]): two types,
//!    64-bit integers and text, and SQL that both understand.
//! 6. **No silence.** An answer says what height it is pinned to and whether it is complete; an index
//!    that lags says so.
//!
//! This crate does not know the network, consensus, HTTP or the command line, and reads no clock.

#![cfg_attr(test, allow(clippy::disallowed_types, clippy::disallowed_methods))]

pub mod answer;
pub mod backend;
mod compile;
mod error;
mod ingest;
mod position;
pub mod question;
mod schema;
pub mod scope;
mod value;
mod writer;

pub use answer::{Answer, Ask, MAX_ROWS, Reader, Row, Totals, ask};
pub use backend::{Database, Location};
pub use error::AuditError;
pub use ingest::{Block, Transaction};
pub use position::Position;
pub use scope::Scope;
pub use value::Value;
pub use writer::{Status, Writer, status};
