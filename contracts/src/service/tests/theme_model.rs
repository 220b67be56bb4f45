//! Random themes (一件事) and cases under them by two windows, compared with a model that shares no
//! code with the contracts: which items a theme has, whose it is, and which of them has its case.

use super::*;
use crate::act::Act;
use hefu_primitives::Id16;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Ascending: two items that may be live, one that is agreed only, one that nobody knows.
const ITEM_CODES: [&str; 4] = [MOVING, ROADSIDE, "992090004000", "992090005000"];
const DAY: u64 = 86_400_000;

#[derive(Clone, Debug)]
enum Op {
    Theme {
        id: u8,
        items: Vec<usize>,
        days: Option<i64>,
        zero: bool,
    },
    Case {
        item: usize,
        theme: Option<u8>,
    },
    Withdraw {
        case: usize,
    },
    /// The second item is suspended, or goes on.
    Item {
        live: bool,
    },
    Wait(u64),
}

/// By whom, 0 and 1 windows, 2 a key that is none; and what.
fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let items = prop_oneof![
        4 => Just(vec![0, 1]),
        2 => Just(vec![0, 1, 2]),
        1 => prop::collection::vec(0usize..4, 0..4),
    ];
    let until = prop::option::of(-1i64..3);
    let theme = || 1u8..4;
    let op = prop_oneof![
        4 => (theme(), items, until, prop::bool::weighted(0.1))
            .prop_map(|(id, items, days, zero)| Op::Theme { id, items, days, zero }),
        9 => (prop_oneof![6 => 0usize..2, 1 => 2usize..4], prop::option::weighted(0.9, theme()))
            .prop_map(|(item, theme)| Op::Case { item, theme }),
        2 => (0usize..12).prop_map(|case| Op::Withdraw { case }),
        1 => any::<bool>().prop_map(|live| Op::Item { live }),
        1 => (1u64..3).prop_map(Op::Wait),
    ];
    let by = prop_oneof![8 => Just(0usize), 3 => Just(1), 1 => Just(2)];
    prop::collection::vec((by, op), 10..50)
}

#[derive(Clone, Debug)]
struct ModelTheme {
    of: usize,
    items: Vec<usize>,
    /// The number of each item's case.
    cases: BTreeMap<usize, u8>,
}

#[derive(Debug)]
struct Model {
    themes: BTreeMap<u8, ModelTheme>,
    /// Whose each case is, its number, and whether it was withdrawn.
    cases: Vec<(usize, u8, bool)>,
    suspended: bool,
}

impl Model {
    fn theme(
        &mut self,
        by: usize,
        (id, items, past, zero): (u8, &[usize], bool, bool),
    ) -> Result<(), Code> {
        if by == 2 {
            return Err(Code::RoleMissing);
        }
        if self.themes.contains_key(&id) {
            return Err(Code::IdReused);
        }
        let ascending = items.windows(2).all(|pair| pair[0] < pair[1]);
        if items.len() < 2 || !ascending {
            return Err(Code::ThemeInvalid);
        }
        if zero || past {
            return Err(Code::BadField);
        }
        if items.contains(&3) {
            return Err(Code::UnknownItem);
        }
        let theme = ModelTheme { of: by, items: items.to_vec(), cases: BTreeMap::new() };
        self.themes.insert(id, theme);
        Ok(())
    }

    fn case(&mut self, by: usize, number: u8, item: usize, theme: Option<u8>) -> Result<(), Code> {
        if by == 2 {
            return Err(Code::RoleMissing);
        }
        match item {
            3 => return Err(Code::UnknownItem),
            2 => return Err(Code::ItemState),
            1 if self.suspended => return Err(Code::ItemState),
            _ => {}
        }
        if let Some(id) = theme {
            let theme = self.themes.get_mut(&id).ok_or(Code::UnknownTheme)?;
            let taken = theme.cases.contains_key(&item);
            if theme.of != by || !theme.items.contains(&item) || taken {
                return Err(Code::ThemeInvalid);
            }
            theme.cases.insert(item, number);
        }
        self.cases.push((by, number, false));
        Ok(())
    }

    /// A case that was withdrawn keeps its place in its theme: it is what came of the item.
    fn withdraw(&mut self, by: usize, case: usize) -> Result<(), Code> {
        let (of, _, over) = self.cases.get_mut(case).ok_or(Code::UnknownCase)?;
        match by {
            2 => return Err(Code::RoleMissing),
            by if *of != by => return Err(Code::NotReceiver),
            _ => {}
        }
        if std::mem::replace(over, true) { Err(Code::CaseState) } else { Ok(()) }
    }

    fn item(&mut self, live: bool) -> Result<(), Code> {
        if self.suspended != live {
            return Err(Code::ItemState);
        }
        self.suspended = !live;
        Ok(())
    }
}

fn actor(by: usize) -> Actor {
    match by {
        0 => receiver(),
        1 => stranger(),
        _ => auditor(1),
    }
}

fn ledger() -> Ledger {
    let mut ledger = with_item(&terms());
    for (base, live) in [(ROADSIDE, true), (ITEM_CODES[2], false)] {
        let terms = ItemTerms { base: code(base), ..terms() };
        agreed(&mut ledger, &terms);
        if live {
            let state = SetItemState { base: terms.base, ..set_state(1, ItemState::Live, 0) };
            ledger.govern(0, state).unwrap();
        }
    }
    ledger
}

fn compare(ledger: &Ledger, model: &Model) {
    for (number, theme) in &model.themes {
        let found = ledger.get(&THEMES, &id(*number)).unwrap();
        let items: Vec<BaseCode> = theme.items.iter().map(|item| code(ITEM_CODES[*item])).collect();
        assert_eq!((found.items, found.receiver), (items, actor(theme.of).authority));
        for (item, text) in ITEM_CODES.iter().enumerate() {
            let row = ledger.get(&CASES_BY_THEME, &(id(*number), code(text)));
            assert_eq!(row, theme.cases.get(&item).copied().map(id), "theme {number} {text}");
        }
    }
    assert!((1..4).all(|n| model.themes.contains_key(&n) == ledger.get(&THEMES, &id(n)).is_some()));
    for (_, number, over) in &model.cases {
        assert_eq!(case(ledger, *number).state == CaseState::Withdrawn, *over);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn themes_follow_the_model(ops in ops()) {
        let mut ledger = ledger();
        let mut model = Model { themes: BTreeMap::new(), cases: Vec::new(), suspended: false };
        for (number, (by, op)) in ops.into_iter().enumerate() {
            let number = number as u8 + 100;
            let (act, expected): (Act, _) = match &op {
                Op::Theme { id: theme, items, days, zero } => {
                    let until = days.map(|days| ledger.today().add_days(days).unwrap());
                    let past = days.is_some_and(|days| days < 0);
                    let act = OpenTheme {
                        theme_id: id(*theme),
                        no: digest(if *zero { 0 } else { *theme }),
                        items: items.iter().map(|item| code(ITEM_CODES[*item])).collect(),
                        until,
                    };
                    (act.into(), model.theme(by, (*theme, items, past, *zero)))
                }
                Op::Case { item, theme } => {
                    let base = code(ITEM_CODES[*item]);
                    let theme_id = theme.map(id);
                    let act = OpenCase { base, theme: theme_id, ..open(&ledger, number) };
                    (act.into(), model.case(by, number, *item, *theme))
                }
                Op::Withdraw { case } => {
                    let of = model.cases.get(*case).map_or(Id16([0; 16]), |(_, of, _)| id(*of));
                    let act = WithdrawCase { case_id: of, request: digest(3) };
                    (act.into(), model.withdraw(by, *case))
                }
                Op::Item { live } => {
                    let (state, reason) =
                        if *live { (ItemState::Live, 0) } else { (ItemState::Suspended, 1) };
                    let act = SetItemState { base: roadside(), ..set_state(1, state, reason) };
                    let expected = model.item(*live);
                    prop_assert_eq!(ledger.govern(0, act), expected);
                    continue;
                }
                Op::Wait(days) => {
                    ledger.time.0 += days * DAY;
                    ledger.block(&[]);
                    continue;
                }
            };
            let found = ledger.act(&actor(by), act);
            prop_assert_eq!(found, expected, "{} {:?} {:?}", by, op, model);
            compare(&ledger, &model);
        }
    }
}
