use super::{STEPS_MAX, labels_shown};

/// The numbers of labels that are shown one after the other, when each exists and none is a cut.
fn all(total: usize, known: usize) -> Vec<usize> {
    let mut shown = Vec::new();
    let mut known = known;
    while known < total {
        known = labels_shown(total, known, shown.len());
        shown.push(known);
    }
    shown
}

#[test]
fn short_name_is_shown_label_by_label() {
    assert_eq!(all(3, 0), [1, 2, 3]);
    assert_eq!(all(3, 2), [3]);
    assert_eq!(all(3, 3), [0; 0]);
}

#[test]
fn long_name_takes_four_single_steps_and_then_even_ones() {
    // The example of RFC 9156 §2.3 is a name with 18 labels: 1, 1, 1, 1, then 2 or 3 each.
    assert_eq!(all(18, 0), [1, 2, 3, 4, 7, 10, 12, 14, 16, 18]);
    // An address in ip6.arpa.
    assert_eq!(all(34, 2).len(), STEPS_MAX);
}

#[test]
fn no_name_takes_more_than_ten_steps() {
    for total in 0..=127 {
        for known in 0..=total {
            let shown = all(total, known);
            assert!(shown.len() <= STEPS_MAX, "{total} {known}: {shown:?}");
            assert!(shown.is_sorted() && shown.last().is_none_or(|last| *last == total));
        }
    }
}

#[test]
fn whole_name_is_shown_once_the_steps_are_used_up() {
    assert_eq!(labels_shown(100, 3, STEPS_MAX), 100);
    assert_eq!(labels_shown(100, 3, STEPS_MAX + 5), 100);
}
