//! The stable code of each thing that can be wrong with a licence document. Whoever gets a report
//! of two thousand lines sorts it by code: every code has one cause and one remedy.

use super::fault::{Fault, chain};
use crate::vault::LicenceError;
use crate::vault::record::RecordError;
use crate::vault::source::SourceError;

/// Whether a code says that a document is no licence.
pub(crate) fn is_licence_code(code: &str) -> bool {
    code.strip_prefix("cli.").is_some_and(|name| name.starts_with("licence_"))
}

/// The code of an error.
fn code(error: &LicenceError) -> &'static str {
    match error {
        LicenceError::TooLarge => "cli.licence_too_large",
        LicenceError::NotText => "cli.licence_not_utf",
        LicenceError::Json { .. } => "cli.licence_not_json",
        LicenceError::UnknownKey { .. } => "cli.licence_unknown_key",
        LicenceError::MissingKey { .. } => "cli.licence_missing_key",
        LicenceError::RepeatedKey { .. } => "cli.licence_repeated_key",
        LicenceError::Kind { .. } => "cli.licence_kind",
        LicenceError::Code { .. } => "cli.licence_code",
        LicenceError::Day { .. } => "cli.licence_day",
        LicenceError::Empty { .. } => "cli.licence_empty",
        LicenceError::TooLong { .. } => "cli.licence_too_long",
        LicenceError::Control { .. } => "cli.licence_control",
        LicenceError::Range { .. } => "cli.licence_range",
        LicenceError::Column { .. } => "cli.licence_columns",
        LicenceError::Cells { .. } => "cli.licence_cells",
        LicenceError::Days => "cli.licence_days",
        LicenceError::Content(_) => "cli.licence_fields",
    }
}

impl From<LicenceError> for Fault {
    fn from(error: LicenceError) -> Self {
        match error {
            LicenceError::NotText => Self::new(code(&error)),
            _ => Self::with(code(&error), &error),
        }
    }
}

impl From<RecordError> for Fault {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Licence(error) => error.into(),
            RecordError::Seal(error) => error.into(),
        }
    }
}

impl From<SourceError> for Fault {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Header(error) => error.into(),
            SourceError::Io(error) => Self::with("cli.file", error),
            SourceError::TooManyLines => Self::with("cli.input", chain(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;
    use crate::text::CLI_CODES;

    #[test]
    fn every_licence_code_is_listed_and_a_usage_error() {
        let listed = CLI_CODES.iter().filter(|code| is_licence_code(code)).count();
        assert_eq!(listed, 17, "one for each way of being no licence");
        for code in CLI_CODES.iter().filter(|code| is_licence_code(code)) {
            assert_eq!(Exit::of_code(code), Exit::Usage, "{code}");
        }
    }

    #[test]
    fn errors_keep_their_particulars() {
        let fault = Fault::from(LicenceError::Day { name: "issued_on".to_owned() });
        assert_eq!(
            (
                fault.code.as_str(),
                fault.detail.as_ref().map(|detail| detail.text(crate::text::Lang::En)).as_deref()
            ),
            ("cli.licence_day", Some("issued_on"))
        );
        let column = crate::vault::licence::ColumnFault::Unknown;
        let header = LicenceError::Column { name: "colour".to_owned(), fault: column };
        assert_eq!(Fault::from(SourceError::Header(header)).code, "cli.licence_columns");
    }
}
