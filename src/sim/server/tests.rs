use super::{Server, Unready};
use crate::base::time::Now;
use crate::sim::script::parse;

#[track_caller]
fn unready(config: &str) -> Unready {
    let script = format!("{config}\nCONFIG_END\nSCENARIO_BEGIN t\nSCENARIO_END\n");
    match Server::new(&parse("t", &script).unwrap(), Now::default()) {
        Ok(_) => panic!("there is nothing wrong with\n{config}"),
        Err(unready) => unready,
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn what_means_nothing_here_is_not_offered() {
    assert_eq!(
        unready("server: qname-minimisation: no\ntrust-anchor: \"a. DS 1 2 3 04\"\nview: name: a"),
        Unready::NotOffered(texts(&["server: trust-anchor", "view:"]))
    );
    assert_eq!(
        unready("stub-zone: name: b. stub-host: ns.b."),
        Unready::NotOffered(texts(&["stub-zone: stub-host"]))
    );
    assert_eq!(
        unready("auth-zone: name: a. zonefile: a for-downstream: no"),
        Unready::NotOffered(texts(&["auth-zone: for-downstream no"]))
    );
}

#[test]
fn zone_that_cannot_be_served_is_told() {
    assert_eq!(
        unready("auth-zone: name: a."),
        Unready::Faulty(texts(&["line 1: an auth-zone needs a name and a zonefile"]))
    );
    assert_eq!(
        unready("server: minimal-responses: perhaps"),
        Unready::Faulty(texts(&["line 1: minimal-responses cannot be perhaps"]))
    );
    let Unready::Faulty(faults) = unready(
        "auth-zone: name: a. zonefile: z\nTEMPFILE_CONTENTS z\n@ 1 IN A 192.0.2\nTEMPFILE_END",
    ) else {
        panic!("nothing is wrong with the zone")
    };
    assert!(faults[0].starts_with("z:1:10: error: \"192.0.2\""), "{faults:?}");
}
