//! A report of both languages through a font of this machine, read again by a program that shares
//! nothing with the writer.

use std::path::Path;
use std::process::Command;

use hefu_report::{FontError, FontFile, Language, Moment, Part, Report, render};

fn report(language: Language) -> Report {
    let (title, name, value) = match language {
        Language::Chinese => ("证照存证证据报告", "状态", "有效。签发机关:上海市市场监督管理局"),
        Language::English => ("Evidence report: certificate", "status", "active, as of height 12"),
    };
    let mut parts = vec![Part::Heading(title.to_owned()), Part::Text(value.to_owned())];
    parts.extend((0..80).map(|n| Part::Pair(format!("{name} {n}"), value.to_owned())));
    Report {
        language,
        title: title.to_owned(),
        subtitle: "att:05050505050505050505050505050505".to_owned(),
        date: Moment { year: 2026, month: 11, day: 23 },
        qr: "hefu:att:05050505050505050505050505050505?height=12&genesis=0123456789abcdef"
            .to_owned(),
        foot: "att:0505 · 12 · 01234567".to_owned(),
        parts,
    }
}

/// A font with Chinese, unless this machine has none.
fn font(text: &str) -> Option<FontFile> {
    match FontFile::find(text) {
        Ok(font) => Some(font),
        Err(error) => {
            println!("skipped: font ({error})");
            None
        }
    }
}

/// What a program writes to its standard output of a file; `to` names that where it has to be named.
fn read(program: &str, arguments: &[&str], file: &Path, to: &[&str]) -> Option<Vec<u8>> {
    match Command::new(program).args(arguments).arg(file).args(to).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(output.stdout)
        }
        Err(_) => {
            println!("skipped: {program} (not installed)");
            None
        }
    }
}

#[test]
fn a_report_conforms_and_says_what_it_was_given() {
    for language in [Language::Chinese, Language::English] {
        let report = report(language);
        let Some(font) = font(&report.text()) else { return };
        // The writer's validator refuses what is no PDF/A.
        let bytes = render(&report, &font).unwrap();
        assert_eq!(bytes, render(&report, &font).unwrap(), "the same bytes each time");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("%PDF-1.7"));
        assert!(text.contains("<pdfaid:part>2</pdfaid:part>"));
        assert!(text.contains("<pdfaid:conformance>U</pdfaid:conformance>"));
        assert!(bytes.len() < 200_000, "only what is used of the font: {} bytes", bytes.len());

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.pdf");
        std::fs::write(&file, &bytes).unwrap();
        if let Some(text) = read("pdftotext", &["-layout"], &file, &["-"]) {
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains(&report.title) && text.contains(&report.subtitle));
            for part in &report.parts {
                let (Part::Heading(wanted) | Part::Text(wanted) | Part::Pair(_, wanted)) = part;
                assert!(text.contains(wanted), "{wanted}");
            }
            let apart: String = text.split_whitespace().collect();
            assert!(apart.contains("012345672/"), "the foot of the second page");
        }
        if let Some(image) =
            read("pdftoppm", &["-gray", "-r", "150", "-f", "1", "-l", "1"], &file, &[])
        {
            assert_eq!(qr(&image), report.qr);
        }
    }
}

/// The QR code in a picture of grey values.
fn qr(image: &[u8]) -> String {
    let mut lines = image.splitn(4, |byte| *byte == b'\n' || *byte == b' ');
    assert_eq!(lines.next(), Some(b"P5".as_slice()));
    let mut number =
        || -> usize { std::str::from_utf8(lines.next().unwrap()).unwrap().parse().unwrap() };
    let (width, height) = (number(), number());
    let pixels = &image[image.len() - width * height..];
    let mut prepared =
        rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[y * width + x]);
    let grids = prepared.detect_grids();
    assert_eq!(grids.len(), 1);
    grids[0].decode().unwrap().1
}

#[test]
fn a_font_that_lacks_what_must_be_written_is_refused() {
    let Some(chinese) = font("证照") else { return };
    let error = FontFile::read(chinese.path(), "证照 \u{1f512}").unwrap_err();
    assert!(matches!(error, FontError::Missing { ref missing, .. } if missing == "\u{1f512}"));
}
