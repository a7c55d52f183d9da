//! Which run each reader is used for, also while it is not there: a key in a USB port is a reader of its own, which comes
//! and goes with it.

use std::collections::BTreeMap;

use crate::model::{Actor, RunId};

/// The run that a reader is used for, and who programs it.
pub(super) type Order = Option<(RunId, Actor)>;

/// The orders of all readers.
#[derive(Debug, Default)]
pub(super) struct Orders {
    named: BTreeMap<String, Order>,
    /// Of all that were not named.
    everywhere: Order,
}

impl Orders {
    /// From now on these readers are used for this; none named: all.
    pub(super) fn set(&mut self, order: &Order, readers: &[String]) {
        if readers.is_empty() {
            self.named.clear();
            self.everywhere.clone_from(order);
        }
        for name in readers {
            self.named.insert(name.clone(), order.clone());
        }
    }

    /// No reader is used for this run any more.
    pub(super) fn leave(&mut self, run: RunId) {
        for order in self.named.values_mut().chain([&mut self.everywhere]) {
            if order.as_ref().is_some_and(|(its, _)| *its == run) {
                *order = None;
            }
        }
    }

    /// What a reader that comes is used for.
    pub(super) fn of(&self, reader: &str) -> Order {
        self.named.get(reader).unwrap_or(&self.everywhere).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_comes_later_or_again_is_used_for_its_run() {
        let mut orders = Orders::default();
        let order = |run| Some((RunId(run), Actor::local(0)));
        let runs = |orders: &Orders| ["a", "b"].map(|name| orders.of(name).map(|(run, _)| run.0));
        assert_eq!(runs(&orders), [None, None]);
        orders.set(&order(1), &[]);
        assert_eq!(runs(&orders), [Some(1), Some(1)]);
        orders.set(&order(2), &["b".to_owned()]);
        assert_eq!(runs(&orders), [Some(1), Some(2)]);
        // The reader that was named does not fall back to the other run.
        orders.leave(RunId(2));
        assert_eq!(runs(&orders), [Some(1), None]);
        orders.leave(RunId(1));
        assert_eq!(runs(&orders), [None, None]);
        orders.set(&order(3), &["a".to_owned()]);
        orders.set(&order(4), &[]);
        assert_eq!(runs(&orders), [Some(4), Some(4)]);
    }
}
