use super::{Order, RUN_LEN_MAX};
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::zone::crew::Crew;
use crate::zone::node::Node;
use crate::zone::parts::NodeParts;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn name(number: u16) -> NameBuf {
    let text = format!("n{}.{}.", number / 7, number % 7);
    NameBuf::from_text(text.as_bytes(), None).unwrap()
}

fn node(name: &NameBuf) -> Node {
    Node::pack(&NodeParts::empty(name.as_name()), FoldedName::new(name.as_name()).hash(0), false)
}

fn names(order: &Order) -> Vec<NameBuf> {
    order.iter().map(|node| node.owner().to_buf()).collect()
}

proptest! {
    #[test]
    fn stays_sorted_like_a_model_and_leaves_copies_as_they_were(
        steps in prop::collection::vec((0..60_u16, any::<bool>()), 0..150),
        queries in prop::collection::vec(0..60_u16, 0..10),
    ) {
        let mut order = Order::default();
        let mut model: BTreeSet<NameBuf> = BTreeSet::new();
        for (number, is_insert) in steps {
            let (before, names_before) = (order.clone(), names(&order));
            let name = name(number);
            if is_insert {
                order.insert(node(&name));
                model.insert(name);
            } else {
                order.remove(name.as_name());
                model.remove(&name);
            }
            prop_assert_eq!(names(&before), names_before);
            prop_assert!(names(&order).iter().eq(model.iter()));
        }
        for number in queries {
            let name = name(number);
            let expected = model.range(name.clone()..).find(|other| **other != name);
            let found = order.successor(name.as_name()).map(|node| node.owner().to_buf());
            prop_assert_eq!(found.as_ref(), expected);
        }
    }
}

#[test]
fn long_runs_are_split_and_nothing_is_lost() {
    let all: Vec<NameBuf> = (0..3000).map(name).collect();
    let mut order = Order::default();
    for name in &all {
        order.insert(node(name));
    }
    let mut sorted = all.clone();
    sorted.sort();
    assert_eq!(names(&order), sorted);
    assert!(order.runs.len() > 3000 / RUN_LEN_MAX);
    assert!(order.runs.iter().all(|run| !run.is_empty() && run.len() <= RUN_LEN_MAX));
    let nodes: Vec<Node> = all.iter().map(node).collect();
    for size in 0..5 {
        let order = Order::from_unsorted(Name::ROOT, nodes.iter(), &Crew::new(size));
        assert_eq!(names(&order), sorted);
    }
    for name in &all {
        order.remove(name.as_name());
    }
    assert!(order.runs.is_empty());
    assert!(order.successor(Name::ROOT).is_none());
}
