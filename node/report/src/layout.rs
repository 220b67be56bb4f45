//! From parts to lines on pages.

use std::collections::BTreeMap;

use skrifa::FontRef;

use crate::font::glyph;
use crate::{Part, Report};

/// A4, in points.
pub(crate) const WIDTH: f32 = 595.0;
pub(crate) const HEIGHT: f32 = 842.0;
const MARGIN: f32 = 56.0;
/// Side of the QR code, with its quiet zone.
pub(crate) const QR_SIDE: f32 = 96.0;
const TITLE: f32 = 18.0;
const HEADING: f32 = 12.0;
const BODY: f32 = 9.5;
const SMALL: f32 = 8.0;
/// Width of names.
const NAMES: f32 = 104.0;
/// From line to line, in parts of the size.
const LEADING: f32 = 1.5;
/// What no line begins with.
const NOT_FIRST: &str = ",。、;:!?)》」』】,.;:!?)]}%’”";

/// A glyph as it is set: its number, its width in parts of the size, and its bytes of the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Set {
    pub(crate) glyph: u32,
    pub(crate) width: f32,
    pub(crate) bytes: usize,
}

/// A line of text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) x: f32,
    /// The base line, from the top.
    pub(crate) y: f32,
    pub(crate) size: f32,
    pub(crate) text: String,
}

/// A page: its lines, and where horizontal rules are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sheet {
    pub(crate) lines: Vec<Line>,
    pub(crate) rules: Vec<f32>,
}

/// Where the QR code stands on the first page.
pub(crate) const QR_AT: (f32, f32) = (WIDTH - MARGIN - QR_SIDE, MARGIN - 12.0);
/// From where to where rules go.
pub(crate) const RULE: (f32, f32) = (MARGIN, WIDTH - MARGIN);

/// Measures with one font.
pub(crate) struct Measure(BTreeMap<char, (u32, f32)>);

impl Measure {
    /// Of all characters of a text.
    pub(crate) fn new(face: &FontRef<'_>, text: &str) -> Self {
        Self(text.chars().filter_map(|c| Some((c, glyph(face, c)?))).collect())
    }

    /// The glyphs of a text; what the font lacks is left out.
    pub(crate) fn set(&self, text: &str) -> Vec<Set> {
        let of = |c: char| {
            let (glyph, width) = *self.0.get(&c)?;
            Some(Set { glyph, width, bytes: c.len_utf8() })
        };
        text.chars().filter_map(of).collect()
    }

    fn width(&self, c: char, size: f32) -> f32 {
        self.0.get(&c).map_or(0.0, |(_, width)| width * size)
    }

    /// Lines no wider than `width`: broken at blanks and between ideographs, else anywhere.
    fn wrap(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let (mut line, mut used, mut good) = (String::new(), 0.0, None);
            for c in paragraph.chars().filter(|c| !c.is_control()) {
                let wide = self.width(c, size);
                if used + wide > width && !line.is_empty() && !NOT_FIRST.contains(c) {
                    let at = good.filter(|at| *at > 0 && !is_wide(c)).unwrap_or(line.len());
                    let rest = line.split_off(at);
                    lines.push(line.trim_end().to_owned());
                    line = rest.trim_start().to_owned();
                    used = line.chars().map(|c| self.width(c, size)).sum();
                    good = None;
                }
                if c == ' ' && line.is_empty() {
                    continue;
                }
                line.push(c);
                used += wide;
                if c == ' ' || is_wide(c) {
                    good = Some(line.len());
                }
            }
            lines.push(line.trim_end().to_owned());
        }
        lines
    }
}

/// Whether a line may be broken on either side of a character.
const fn is_wide(c: char) -> bool {
    c as u32 >= 0x2e80
}

/// Sets a report on pages.
pub(crate) fn sheets(report: &Report, measure: &Measure) -> Vec<Sheet> {
    let mut setter = Setter { sheets: vec![Sheet::default()], y: MARGIN, measure };
    let beside = WIDTH - 2.0 * MARGIN - QR_SIDE - 12.0;
    setter.put(MARGIN, TITLE, beside, &report.title);
    setter.y += 4.0;
    setter.put(MARGIN, BODY, beside, &report.subtitle);
    setter.y = setter.y.max(MARGIN + QR_SIDE);
    let wide = WIDTH - 2.0 * MARGIN;
    for part in &report.parts {
        match part {
            Part::Heading(text) => setter.heading(text, wide),
            Part::Text(text) => {
                setter.put(MARGIN, BODY, wide, text);
                setter.y += 3.0;
            }
            Part::Pair(name, value) => setter.pair(name, value, wide),
        }
    }
    setter.foot(&report.foot);
    setter.sheets
}

struct Setter<'a> {
    sheets: Vec<Sheet>,
    y: f32,
    measure: &'a Measure,
}

impl Setter<'_> {
    fn room(&mut self, height: f32) {
        if self.y + height > HEIGHT - MARGIN - 18.0 {
            self.sheets.push(Sheet::default());
            self.y = MARGIN;
        }
    }

    fn line(&mut self, x: f32, y: f32, size: f32, text: String) {
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.lines.push(Line { x, y, size, text });
        }
    }

    fn put(&mut self, x: f32, size: f32, width: f32, text: &str) {
        for line in self.measure.wrap(text, size, width) {
            self.room(size * LEADING);
            self.line(x, self.y + size, size, line);
            self.y += size * LEADING;
        }
    }

    fn heading(&mut self, text: &str, wide: f32) {
        self.y += 10.0;
        // Not by itself at the end of a page.
        self.room(HEADING * LEADING + 3.0 * BODY * LEADING);
        self.put(MARGIN, HEADING, wide, text);
        let y = self.y;
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.rules.push(y);
        }
        self.y += 5.0;
    }

    fn pair(&mut self, name: &str, value: &str, wide: f32) {
        let names = self.measure.wrap(name, BODY, NAMES - 8.0);
        let values = self.measure.wrap(value, BODY, wide - NAMES);
        for number in 0..names.len().max(values.len()) {
            self.room(BODY * LEADING);
            let y = self.y + BODY;
            if let Some(text) = names.get(number) {
                self.line(MARGIN, y, BODY, text.clone());
            }
            if let Some(text) = values.get(number) {
                self.line(MARGIN + NAMES, y, BODY, text.clone());
            }
            self.y += BODY * LEADING;
        }
        self.y += 2.0;
    }

    fn foot(&mut self, foot: &str) {
        let count = self.sheets.len();
        for (number, sheet) in self.sheets.iter_mut().enumerate() {
            let y = HEIGHT - MARGIN + SMALL;
            sheet.rules.push(HEIGHT - MARGIN - 6.0);
            let text = format!("{foot}  {}/{count}", number + 1);
            sheet.lines.push(Line { x: MARGIN, y, size: SMALL, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Latin letters half as wide as ideographs.
    fn measure(text: &str) -> Measure {
        let width = |c| if is_wide(c) { 1.0 } else { 0.5 };
        Measure(text.chars().map(|c| (c, (1, width(c)))).collect())
    }

    fn wrapped(text: &str, width: f32) -> Vec<String> {
        measure(text).wrap(text, 1.0, width)
    }

    #[test]
    fn lines_break_at_blanks_between_ideographs_and_else_anywhere() {
        assert_eq!(wrapped("one two three", 4.0), ["one two", "three"]);
        assert_eq!(wrapped("证照已经吊销", 4.0), ["证照已经", "吊销"]);
        assert_eq!(wrapped("0123456789abcdef", 4.0), ["01234567", "89abcdef"]);
        assert_eq!(wrapped("至 2026-01-01 止", 5.0), ["至", "2026-01-01", "止"]);
        assert_eq!(wrapped("a\nb", 4.0), ["a", "b"]);
        assert_eq!(
            wrapped("已经吊销。完", 4.0),
            ["已经吊销。", "完"],
            "no line begins with a stop"
        );
    }

    #[test]
    fn what_does_not_fit_goes_to_the_next_page_with_its_foot() {
        let parts: Vec<Part> =
            (0..120).map(|n| Part::Pair(format!("n{n}"), "value".into())).collect();
        let report = Report {
            language: crate::Language::English,
            title: "title".into(),
            subtitle: "sub".into(),
            date: crate::Moment { year: 2026, month: 1, day: 1 },
            qr: "q".into(),
            foot: "foot".into(),
            parts,
        };
        let sheets = sheets(&report, &measure(&report.text()));
        assert!(sheets.len() > 1);
        for (number, sheet) in sheets.iter().enumerate() {
            let last = &sheet.lines.last().unwrap().text;
            assert_eq!(*last, format!("foot  {}/{}", number + 1, sheets.len()));
            assert!(sheet.lines.iter().all(|line| line.y < HEIGHT - 20.0));
        }
        let names = |sheet: &Sheet| sheet.lines.iter().filter(|l| l.text.starts_with('n')).count();
        assert_eq!(sheets.iter().map(names).sum::<usize>(), 120, "nothing is lost between pages");
    }
}
