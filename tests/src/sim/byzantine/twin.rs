//! One key on two machines, neither of which knows of the other. The machines do nothing wrong by
//! themselves; that there are two is the lie. The world starts the second one.

use super::Attacker;

pub(super) struct Twin;

impl Attacker for Twin {}
