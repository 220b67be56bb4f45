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

    /// A licence that is good, as a library gives it.
    const GOOD: &str = r#"{"type_code": "11100000HEFU90025A001", "identifier": "1.2.156.3005.2.11100000HEFU90025A001.11320000HEFU0203X4.P3E2Z8IQ9Y7JZB6CN6Z4.001.S", "certificate_number": "P3E2Z8IQ9Y7JZB6CN6Z4", "version": 1, "issuer_code": "11320000HEFU0203X4", "area_code": "320100", "issued_on": "2025-06-21", "valid_from": "2025-06-21", "valid_until": null, "holder": {"code_type": "001", "code": "91320100HEFUJ1K62G", "name": "示例有限公司"}, "fields": {"住所": "320100"}}"#;

    fn refused(bytes: &[u8]) -> String {
        let refused = crate::vault::Licence::from_json(bytes).expect_err("no licence");
        Fault::from(refused).code
    }

    #[test]
    fn every_way_of_being_no_licence_has_its_code() {
        assert!(crate::vault::Licence::from_json(GOOD.as_bytes()).is_ok());
        let many: String = (0..70).map(|n| format!("\"f{n}\": \"x\", ")).collect();
        let number = r#""P3E2Z8IQ9Y7JZB6CN6Z4""#;
        let long = format!("\"{}\"", "9".repeat(129));
        for (from, to, code) in [
            (r#""version": 1, "#, "", "cli.licence_missing_key"),
            (r#""version": 1, "#, r#""version": 1, "version": 1, "#, "cli.licence_repeated_key"),
            (r#""version": 1"#, r#""version": "one""#, "cli.licence_kind"),
            (r#""version": 1"#, r#""version": 0"#, "cli.licence_range"),
            (r#""320100", "issued"#, r#""32010", "issued"#, "cli.licence_code"),
            (number, r#""""#, "cli.licence_empty"),
            (number, &long, "cli.licence_too_long"),
            (number, r#""P\u0007""#, "cli.licence_control"),
            (r#"{"住所""#, &format!(r#"{{{many}"住所""#), "cli.licence_fields"),
        ] {
            let changed = GOOD.replacen(from, to, 1);
            assert_ne!(changed, GOOD, "{code}");
            assert_eq!(refused(changed.as_bytes()), code);
        }
        assert_eq!(refused(b"\xff{}"), "cli.licence_not_utf");
        let large = vec![b' '; crate::vault::licence::MAX_LICENCE_BYTES + 1];
        assert_eq!(refused(&large), "cli.licence_too_large");
    }

    #[test]
    fn a_line_of_csv_with_cells_too_few_has_its_code() {
        use crate::vault::source::{Source, SourceFormat};
        let file = format!("{}\n1,2,3\n", crate::vault::licence::COLUMNS.join(","));
        let mut source = Source::new(file.as_bytes(), SourceFormat::Csv).unwrap();
        let line = source.next().unwrap().unwrap();
        assert_eq!(Fault::from(line.licence.unwrap_err()).code, "cli.licence_cells");
    }
}
