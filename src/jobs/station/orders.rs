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
    /// From now on these readers are used for this run; none named: all that no other run uses.
    pub(super) fn set(&mut self, run: RunId, actor: &Actor, readers: &[String]) {
        let order = Some((run, actor.clone()));
        if readers.is_empty() {
            self.named.retain(|_, order| order.as_ref().is_some_and(|(its, _)| *its != run));
            self.everywhere.clone_from(&order);
        }
        for name in readers {
            self.named.insert(name.clone(), order.clone());
        }
    }

    /// The other run that keeps these readers from being used for this one; of all of them when none is named.
    pub(super) fn taken(&self, run: RunId, readers: &[String]) -> Option<RunId> {
        let other = |order: &Order| order.as_ref().map(|(its, _)| *its).filter(|its| *its != run);
        if readers.is_empty() {
            return other(&self.everywhere);
        }
        readers.iter().find_map(|name| other(&self.of(name)))
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
        let (one, two, three, four) = (RunId(1), RunId(2), RunId(3), RunId(4));
        let me = Actor::local(0);
        let runs = |orders: &Orders| ["a", "b"].map(|name| orders.of(name).map(|(run, _)| run.0));
        let b = ["b".to_owned()];
        assert_eq!(runs(&orders), [None, None]);
        orders.set(one, &me, &[]);
        assert_eq!(runs(&orders), [Some(1), Some(1)]);
        assert_eq!(
            (orders.taken(two, &[]), orders.taken(two, &b), orders.taken(one, &b)),
            (Some(one), Some(one), None)
        );
        orders.leave(one);
        orders.set(two, &me, &b);
        assert_eq!(runs(&orders), [None, Some(2)]);
        // Another run takes the rest and leaves the reader that was named.
        assert_eq!((orders.taken(three, &[]), orders.taken(three, &b)), (None, Some(two)));
        orders.set(three, &me, &[]);
        assert_eq!(runs(&orders), [Some(3), Some(2)]);
        // The reader that was named does not fall back to the other run.
        orders.leave(two);
        assert_eq!(runs(&orders), [Some(3), None]);
        orders.leave(three);
        orders.set(four, &me, &[]);
        assert_eq!(runs(&orders), [Some(4), Some(4)]);
    }
}
