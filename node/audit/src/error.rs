//! What can go wrong.

use crate::scope::Limit;

/// Why an index cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The embedded engine.
    #[error("the index file cannot be used: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The engine elsewhere.
    #[cfg(feature = "postgres")]
    #[error("the index database cannot be used: {}", describe(.0))]
    Postgres(#[from] postgres::Error),
    /// No address of a database.
    #[error("not an address of a database: {0}")]
    Address(String),
    /// The file of those who vouch for that engine's certificate.
    #[error("{}: {why}", file.display())]
    Certificates {
        /// The file.
        file: std::path::PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// TLS cannot be had at all.
    #[error("no TLS: {0}")]
    Tls(String),
    /// This program was built without the client for it.
    #[error("this program was built without PostgreSQL")]
    NoPostgres,
    /// The index is of another ledger.
    #[error("the index is of another ledger, {found}")]
    OtherLedger {
        /// The chain id in the index.
        found: String,
    },
    /// The index was made by another version of this schema.
    #[error("the index has schema {found}; this program makes {needed}: delete it")]
    OtherSchema {
        /// In the index.
        found: String,
        /// This program's.
        needed: &'static str,
    },
    /// A block does not follow the last one in the index.
    #[error("block {got} does not follow {last}")]
    NotNext {
        /// The last one in the index.
        last: u64,
        /// The one given.
        got: u64,
    },
    /// A block has more events than a position can tell apart.
    #[error("block {0} has more events than the index can hold")]
    BlockTooLarge(u64),
    /// A record that an event speaks of is not in the state.
    #[error("the record of {subject} at height {height} is missing")]
    RecordMissing {
        /// What the event was about.
        subject: String,
        /// When.
        height: u64,
    },
    /// There is no such question.
    #[error("there is no question {0}")]
    UnknownQuestion(String),
    /// A parameter that the question does not have.
    #[error("{question} has no parameter {name}")]
    UnknownParameter {
        /// The question.
        question: &'static str,
        /// The parameter.
        name: String,
    },
    /// A parameter that must be given.
    #[error("{question} needs {name}")]
    MissingParameter {
        /// The question.
        question: &'static str,
        /// The parameter.
        name: &'static str,
    },
    /// A parameter that is not what it should be.
    #[error("{name} is no {expected}: {value}")]
    BadParameter {
        /// The parameter.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What was given.
        value: String,
    },
    /// A period that ends before it begins.
    #[error("{from} is after {to}: {value}")]
    Reversed {
        /// The parameter with its beginning.
        from: &'static str,
        /// The parameter with its end.
        to: &'static str,
        /// What was given as the beginning.
        value: String,
    },
    /// A cursor that this index did not give out.
    #[error("not a cursor of this question")]
    BadCursor,
    /// What is asked about is beyond the mandate.
    #[error("{}", beyond(*.0))]
    OutOfScope(Limit),
    /// Nothing is indexed yet.
    #[error("the index has no block yet")]
    Empty,
}

const fn beyond(limit: Limit) -> &'static str {
    match limit {
        Limit::Kind => "the mandate does not cover records of this kind",
        Limit::Member => "the mandate does not cover the provinces asked about",
        Limit::Period => "the mandate does not cover the days asked about",
    }
}

#[cfg(feature = "postgres")]
fn describe(error: &postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{error}");
    }
    // Their words say where it failed, the causes why: a name that does not resolve, a certificate.
    let (mut told, mut cause) = (error.to_string(), std::error::Error::source(error));
    while let Some(error) = cause {
        let why = error.to_string();
        if !told.contains(&why) {
            told = format!("{told}: {why}");
        }
        cause = error.source();
    }
    told
}

impl AuditError {
    /// Whether it may be over by itself: the engine elsewhere was not reached, or was lost on the way.
    pub fn may_pass(&self) -> bool {
        match self {
            #[cfg(feature = "postgres")]
            // What the server itself answers is final, but for its own coming and going (class 57) and
            // its want of means (class 53).
            Self::Postgres(error) => error.code().is_none_or(|state| {
                state.code().starts_with("57") || state.code().starts_with("53")
            }),
            _ => false,
        }
    }

    /// Whether the index's own file is not what was written: it can be built again.
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        let Self::Sqlite(error) = self else { return false };
        matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
    }

    /// Whether it is the asker's mistake.
    pub const fn is_of_asker(&self) -> bool {
        matches!(
            self,
            Self::UnknownQuestion(_)
                | Self::UnknownParameter { .. }
                | Self::MissingParameter { .. }
                | Self::BadParameter { .. }
                | Self::Reversed { .. }
                | Self::BadCursor
                | Self::OutOfScope(_)
        )
    }
}
