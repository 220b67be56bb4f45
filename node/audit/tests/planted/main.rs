//! A ledger with planted irregularities of every kind: each question finds exactly the planted ones, on
//! SQLite and on PostgreSQL.

mod book;
mod figures;
mod scope;
#[cfg(feature = "postgres")]
#[allow(dead_code, reason = "the tests of a node use the rest")]
mod server;
mod story;

use book::{answer, asked, column, text};
use hefu_audit::{Location, Reader, status};
use hefu_contracts::testkit::{OFFICES, id, office};

fn ids(numbers: &[u8]) -> Vec<String> {
    numbers.iter().map(|number| id(*number).to_string()).collect()
}

fn sqlite(folder: &tempfile::TempDir, name: &str) -> Location {
    Location::Sqlite(folder.path().join(name))
}

/// What a question finds, without parameters or with some.
fn finds(at: &Location, question: &str, params: &[(&str, &str)], name: &str) -> Vec<String> {
    column(&answer(at, question, params), name)
}

fn every_question_finds_what_was_planted(at: &Location) {
    let certificate = |number: u8| id(number).to_string();
    let status_of = |number: u8, day: Option<&str>| {
        let certificate = certificate(number);
        let mut params = vec![("certificate", certificate.as_str())];
        params.extend(day.map(|day| ("day", day)));
        let totals = answer(at, "q01", &params).totals.unwrap();
        text(&totals.rows[0][3])
    };
    assert_eq!(status_of(1, None), "active");
    assert_eq!(status_of(2, None), "suspended");
    assert_eq!(status_of(3, None), "revoked");
    assert_eq!(status_of(31, None), "questioned");
    assert_eq!(status_of(32, None), "active");
    assert_eq!(status_of(1, Some("2040-01-01")), "expired");
    assert_eq!(status_of(1, Some("2020-01-01")), "not_yet_valid");
    let of = |number| certificate(number);
    assert_eq!(finds(at, "q02", &[("certificate", &of(3))], "kind"), ["annul"]);
    assert!(finds(at, "q02", &[("certificate", &of(2))], "kind").is_empty());
    let life = [("certificate", of(32))];
    let life: Vec<(&str, &str)> = life.iter().map(|(k, v)| (*k, v.as_str())).collect();
    assert_eq!(finds(at, "q03", &life, "change"), ["attested", "reaffirmed"]);
    assert_eq!(finds(at, "q03", &life, "key_valid"), ["1", "1"]);
    assert_eq!(finds(at, "q03", &life, "questioned"), ["1", "0"]);
    let pair = [("issuer_region", "320000"), ("relying_region", "310000")];
    assert_eq!(finds(at, "q04", &pair, "decision"), ids(&[2, 3, 9]));
    assert_eq!(finds(at, "q04", &pair, "wrong"), ["1", "0", "1"]);
    assert_eq!(finds(at, "q04", &pair, "corrected"), ["0", "0", "1"]);
    assert_eq!(finds(at, "q04", &[("reason", "4")], "decision"), ids(&[3]));
    assert!(finds(at, "q04", &[("issuer_region", "330000")], "decision").is_empty());
    assert_eq!(finds(at, "q05", &[], "decision"), ids(&[4, 8]));
    assert_eq!(finds(at, "q06", &[], "decision"), ids(&[7]));
    let key = office(2, 0).key.id().to_string();
    assert_eq!(finds(at, "q07", &[("key", &key)], "state"), ["questioned", "reaffirmed"]);
    let subjects = finds(at, "q07", &[("key", &key)], "subject");
    assert_eq!(subjects, [format!("att:{}", of(31)), format!("att:{}", of(32))]);
    let uses = [("catalogue", story::CAT)];
    assert_eq!(finds(at, "q08", &uses, "receipt"), ids(&[1, 2, 3, 4, 5, 6]));
    let found = finds(at, "q09", &[], "flags");
    assert_eq!(
        found,
        ["over_cap", "no_case", "e526 put_receipt", "after_expiry", "e521 put_receipt"]
    );
    assert_eq!(finds(at, "q10", &[], "receipt"), ids(&[2, 3]));
    assert_eq!(finds(at, "q10", &[], "unanswered"), ["1", "0"]);
    assert_eq!(finds(at, "q11", &[], "request"), ids(&[2, 3]));
    assert_eq!(finds(at, "q11", &[], "never"), ["0", "1"]);
    assert_eq!(finds(at, "q11", &[], "no_basis"), ["1", "0"]);
    assert_eq!(finds(at, "q12", &[], "catalogue"), ["A-1", "A-2"]);
    assert_eq!(finds(at, "q13", &[], "case"), ids(&[2, 5]));
    assert_eq!(finds(at, "q13", &[], "over_promise"), ["1", "0"]);
    assert_eq!(finds(at, "q14", &[], "case"), ids(&[3, 4]));
    assert_eq!(finds(at, "q15", &[], "decision"), ids(&[6]));
    assert_eq!(finds(at, "q16", &[], "missing"), ["rectification", "call_back"]);
    let power = [("authority", OFFICES[2][0]), ("in_force", "1")];
    assert_eq!(finds(at, "q17", &power, "what"), ["mandate", "key"]);
    assert_eq!(finds(at, "q17", &[("authority", OFFICES[2][0])], "what").len(), 4);
    assert_eq!(finds(at, "q18", &[], "state"), ["applied", "applied", "rejected"]);
    assert_eq!(finds(at, "q18", &[("opposed", "340000")], "proposal").len(), 2);
    let late = finds(at, "q19", &[], "subject");
    assert_eq!(late, [format!("att:{}", of(40)), format!("dec:{}", of(41))]);
    assert_eq!(finds(at, "q20", &[], "reads"), ["3"]);
    assert_eq!(finds(at, "q21", &[], "state"), ["live", "agreed"]);
    assert_eq!(finds(at, "q22", &[], "field"), ["title"]);
    let wrong = finds(at, "events", &[("flag", "refused_while_valid")], "subject");
    assert_eq!(wrong.len(), 2);
}

#[test]
fn each_question_finds_exactly_the_planted_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut book = story::planted();
    story::smuggle(&mut book);
    let at = sqlite(&folder, "one");
    book.index(&at, 1);
    every_question_finds_what_was_planted(&at);
    let many = sqlite(&folder, "many");
    book.index(&many, 1_000);
    every_question_finds_what_was_planted(&many);
    assert_eq!(status(&at).unwrap(), status(&many).unwrap());
}

/// Blocks that come between two pages change nothing in the list.
#[test]
fn pages_neither_repeat_nor_drop_a_row_while_blocks_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let book = story::planted();
    let at = sqlite(&folder, "all");
    book.index(&at, 100);
    let grown = sqlite(&folder, "grown");
    let half = book.blocks.len() / 2;
    let genesis = hefu_contracts::testkit::initial_state().writes();
    let mut writer =
        hefu_audit::Writer::open(&grown, hefu_contracts::testkit::CHAIN, &genesis).unwrap();
    for kept in &book.blocks[..half] {
        writer.add(&[kept.block()]).unwrap();
    }
    let mut reader = Reader::open(&grown).unwrap();
    let mut ask = asked("events", &[]);
    ask.limit = 1;
    let mut rows = Vec::new();
    let mut later = book.blocks[half..].iter();
    loop {
        let page = reader.ask(&ask).unwrap();
        assert_eq!(page.height, book.blocks[half - 1].height);
        rows.extend(page.rows);
        if let Some(kept) = later.next() {
            writer.add(&[kept.block()]).unwrap();
        }
        match page.cursor {
            Some(cursor) => ask.cursor = Some(cursor),
            None => break,
        }
    }
    let height = book.blocks[half - 1].height.to_string();
    let whole = answer(&at, "events", &[("at_height", &height)]);
    assert_eq!(rows, whole.rows);
    assert!(rows.len() > 30 && later.next().is_none());
}

/// Every question, asked as known at every height, answers what it answered when that was the last.
#[test]
fn what_was_known_then_is_what_was_answered_then() {
    let folder = tempfile::tempdir().unwrap();
    let book = story::planted();
    let (at, grown) = (sqlite(&folder, "all"), sqlite(&folder, "grown"));
    book.index(&at, 7);
    let genesis = hefu_contracts::testkit::initial_state().writes();
    let mut writer =
        hefu_audit::Writer::open(&grown, hefu_contracts::testkit::CHAIN, &genesis).unwrap();
    let (key, certificate) = (office(2, 0).key.id().to_string(), id(3).to_string());
    let mut then = Reader::open(&grown).unwrap();
    let mut now = Reader::open(&at).unwrap();
    for (number, kept) in book.blocks.iter().enumerate() {
        writer.add(&[kept.block()]).unwrap();
        if number % 17 != 0 {
            continue;
        }
        for question in hefu_audit::question::QUESTIONS {
            let mut ask = asked(question.name, &[]);
            for param in question.params.iter().filter(|param| param.required) {
                let value = match param.name {
                    "key" => &key,
                    "certificate" => &certificate,
                    _ => story::CAT,
                };
                ask.params.insert(param.name.to_owned(), value.to_owned());
            }
            let answered = then.ask(&ask).unwrap();
            ask.params.insert("at_height".to_owned(), kept.height.to_string());
            let again = now.ask(&ask).unwrap();
            assert_eq!(answered.rows, again.rows, "{} at {}", question.name, kept.height);
            let totals = |answer: hefu_audit::Answer| answer.totals.map(|totals| totals.rows);
            assert_eq!(totals(answered), totals(again), "{} at {}", question.name, kept.height);
        }
    }
}

#[test]
fn mistakes_of_the_asker_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let book = story::planted();
    let at = sqlite(&folder, "all");
    book.index(&at, 1_000);
    let mut reader = Reader::open(&at).unwrap();
    let mut refused = |question: &str, params: &[(&str, &str)], cursor: Option<&str>| {
        let mut ask = asked(question, params);
        ask.cursor = cursor.map(str::to_owned);
        let Err(error) = reader.ask(&ask) else { panic!("{question} was answered") };
        assert!(error.is_of_asker(), "{error}");
        error.to_string()
    };
    assert_eq!(refused("q99", &[], None), "there is no question q99");
    assert_eq!(refused("q04", &[("key", "1")], None), "q04 has no parameter key");
    assert_eq!(refused("q01", &[], None), "q01 needs certificate");
    assert_eq!(refused("q04", &[("from", "never")], None), "from is no day or time: never");
    let reversed = [("from", "2026-12-31"), ("to", "2026-01-01")];
    assert_eq!(refused("q04", &reversed, None), "from is after to: 2026-12-31");
    let reversed = [("from_height", "9"), ("to_height", "8")];
    assert_eq!(refused("events", &reversed, None), "from_height is after to_height: 9");
    for subject in ["\u{fffd}", "att:\u{1f4a9}", "att: 1", "\0", ""] {
        let said = refused("events", &[("subject", subject)], None);
        assert_eq!(said, format!("subject is no word: {subject}"));
    }
    assert_eq!(refused("q04", &[], Some("1.2.aaaaaaaaaaaa")), "not a cursor of this question");
    let ahead = answer(&at, "q04", &[("at_height", "100000")]);
    assert!(!ahead.complete && ahead.height == ahead.indexed);
}

/// By the commitment to its identifier, which whoever knows identifier and salt computes.
#[test]
fn a_certificate_is_found_by_the_commitment_to_its_identifier() {
    use hefu_contracts::certificate::{ATTESTATIONS, Ident};
    let folder = tempfile::tempdir().unwrap();
    let book = story::planted();
    let at = sqlite(&folder, "all");
    book.index(&at, 1_000);
    let found = (1..=60u8).find_map(|number| {
        match ATTESTATIONS.read(&book.ledger.state, &id(number))?.ident {
            Ident::Committed(commitment) => Some((id(number).to_string(), commitment.to_string())),
            Ident::Plain(_) => None,
        }
    });
    let (certificate, commitment) = found.expect("a certificate with a committed identifier");
    for question in ["q01", "q02", "q03"] {
        let by_id = answer(&at, question, &[("certificate", &certificate)]);
        let by_commitment = answer(&at, question, &[("commitment", &commitment)]);
        assert_eq!(by_id.rows, by_commitment.rows, "{question}");
        let rows = |answer: hefu_audit::Answer| answer.totals.map(|totals| totals.rows);
        assert_eq!(rows(by_id), rows(by_commitment), "{question}");
        let unknown = answer(&at, question, &[("commitment", &"7".repeat(64))]);
        assert!(unknown.rows.is_empty());
    }
    assert!(Reader::open(&at).unwrap().ask(&asked("q01", &[("commitment", "x")])).is_err());
}

/// Columns say what they hold: who exports them into types relies on it.
#[test]
fn columns_hold_what_they_say() {
    use hefu_audit::Value;
    use hefu_audit::question::As;
    let folder = tempfile::tempdir().unwrap();
    let mut book = story::planted();
    story::smuggle(&mut book);
    let at = sqlite(&folder, "all");
    book.index(&at, 100);
    let mut wrong = std::collections::BTreeSet::new();
    let mut seen = std::collections::BTreeSet::new();
    for question in hefu_audit::question::QUESTIONS {
        let answer = hefu_audit::ask(&at, &everything(question)).unwrap();
        let mut check = |part: &str, columns: &[hefu_audit::question::Column], row: &[Value]| {
            for (column, value) in columns.iter().zip(row) {
                let right = match (column.read_as, value) {
                    (_, Value::Null) => continue,
                    (As::Plain | As::List, value) => value.text().is_some(),
                    (_, value) => value.int().is_some(),
                };
                seen.insert((question.name, part.to_owned(), column.name));
                if !right {
                    wrong.insert((question.name, part.to_owned(), column.name));
                }
            }
        };
        answer.rows.iter().for_each(|row| check("rows", question.columns, &row.values));
        if let Some(totals) = &answer.totals {
            totals.rows.iter().for_each(|row| check("totals", totals.columns, row));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    let unseen = hefu_audit::question::QUESTIONS.iter().flat_map(|question| {
        let names = question.columns.iter().map(|column| (question.name, column.name));
        names.filter(|name| !seen.contains(&(name.0, "rows".to_owned(), name.1)))
    });
    // Of these the story has none.
    let unseen: Vec<_> = unseen.map(|(question, column)| format!("{question} {column}")).collect();
    assert_eq!(unseen, ["q01 other", "q03 other", "q06 case", "q17 successor", "q17 succession"]);
}

/// A question about all that it can be asked of.
fn everything(question: &hefu_audit::question::Question) -> hefu_audit::Ask {
    let mut ask = asked(question.name, &[]);
    for param in question.params.iter().filter(|param| param.required) {
        let value = match param.name {
            "key" => office(2, 0).key.id().to_string(),
            "certificate" => id(3).to_string(),
            "authority" => OFFICES[2][0].to_owned(),
            _ => story::CAT.to_owned(),
        };
        ask.params.insert(param.name.to_owned(), value);
    }
    ask
}

/// The same questions, the same rows, from an engine elsewhere.
#[cfg(feature = "postgres")]
#[test]
fn postgresql_answers_the_same() {
    let Some(server) = server::Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut book = story::planted();
    story::smuggle(&mut book);
    let here = sqlite(&folder, "here");
    let there = server.database("audit");
    book.index(&here, 50);
    book.index(&there, 50);
    every_question_finds_what_was_planted(&there);
    scope::parts_make_up_the_whole(&there);
    for question in hefu_audit::question::QUESTIONS {
        let ask = everything(question);
        let (one, other) =
            (hefu_audit::ask(&here, &ask).unwrap(), hefu_audit::ask(&there, &ask).unwrap());
        assert_eq!(one.rows, other.rows, "{}", question.name);
        let rows = |answer: hefu_audit::Answer| answer.totals.map(|totals| totals.rows);
        assert_eq!(rows(one), rows(other), "{}", question.name);
    }
    let book_again = &book.blocks[..1];
    let genesis = hefu_contracts::testkit::initial_state().writes();
    let mut writer =
        hefu_audit::Writer::open(&there, hefu_contracts::testkit::CHAIN, &genesis).unwrap();
    let refused = writer.add(&[book_again[0].block()]);
    assert!(matches!(refused, Err(hefu_audit::AuditError::NotNext { .. })));
}

/// Over a network only what is encrypted, and only with whom the named authority vouches for.
#[cfg(feature = "postgres")]
#[test]
fn postgresql_is_reached_over_tls() {
    let Some(server) = server::Server::start_with_tls("127.0.0.1") else { return };
    server.database("audit");
    let book = story::planted();
    let there = server.through_network("audit", "?sslmode=require", Some(server.authority()));
    book.index(&there, 1_000);
    let folder = tempfile::tempdir().unwrap();
    let here = sqlite(&folder, "here");
    book.index(&here, 1_000);
    let rows = |at: &Location| answer(at, "events", &[]).rows;
    assert_eq!(rows(&there), rows(&here));
    let refused = |more: &str, ca: Option<std::path::PathBuf>| {
        let error = status(&server.through_network("audit", more, ca)).unwrap_err();
        assert!(!error.is_of_asker());
        error.to_string()
    };
    let unknown = refused("?sslmode=require", None);
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");
    let plain = refused("?sslmode=disable", Some(server.authority()));
    assert!(plain.contains("no pg_hba.conf entry"), "{plain}");
    // Naming an authority asks for TLS.
    assert!(status(&server.through_network("audit", "", Some(server.authority()))).is_ok());
    let none = refused("", Some(folder.path().join("none.pem")));
    assert!(none.contains("none.pem"), "{none}");
    std::fs::write(folder.path().join("empty.pem"), "nothing").unwrap();
    let empty = refused("", Some(folder.path().join("empty.pem")));
    assert!(empty.ends_with("empty.pem: no certificate"), "{empty}");

    let Some(other) = server::Server::start_with_tls("elsewhere.example") else { return };
    other.database("audit");
    let at = other.through_network("audit", "?sslmode=require", Some(other.authority()));
    let another = status(&at).unwrap_err().to_string();
    assert!(another.contains("not valid for name"), "{another}");
}

/// An address says its mistakes without saying its password.
#[cfg(feature = "postgres")]
#[test]
fn an_address_that_is_none_is_told_without_its_password() {
    let error = status(&Location::parse("postgres://me:secret@host/x?sslmode=often")).unwrap_err();
    let told = error.to_string();
    assert!(told.contains("sslmode") && !told.contains("secret"), "{told}");
    assert!(!error.may_pass());
    let nowhere = Location::parse("postgres://me:secret@%2Fnowhere/x");
    let error = status(&nowhere).unwrap_err();
    assert!(error.may_pass() && !error.to_string().contains("secret"), "{error}");
}
